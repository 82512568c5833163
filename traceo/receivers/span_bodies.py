"""Spans of other protocols, beside OTLP/HTTP and the API: `POST /api/v2/spans` (Zipkin), `/api/traces` (Jaeger)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from traceo.errors import InvalidRequest, UnsupportedMediaType
from traceo.receivers.budget import Lease
from traceo.receivers.codec import decompress
from traceo.receivers.http import (
    INLINE_BYTES,
    TEXT,
    AsgiApp,
    Disconnected,
    Event,
    Headers,
    Receive,
    Send,
    authorize,
    count_failure,
    read_body,
    send_answer,
    send_failure,
    text_of,
)
from traceo.receivers.ingest import KEEP_HEADER, Ingest
from traceo.receivers.jaeger import read_jaeger
from traceo.receivers.span_records import Span, encode_spans
from traceo.receivers.zipkin import read_zipkin
from traceo.store.base import Signal

MEMORY_FACTOR = 16  # what the objects of one byte may take
INLINE = INLINE_BYTES // 8  # translated here and now: some milliseconds; a larger body in a thread


@dataclass(frozen=True, slots=True)
class Protocol:
    """What takes a path's bodies; `media` are its content types, none at all is one of them."""

    name: str
    read: Callable[[bytes], list[Span]]
    media: tuple[bytes, ...]


PATHS = {
    "/api/v2/spans": Protocol("zipkin", read_zipkin, (b"application/json",)),
    "/api/traces": Protocol("jaeger", read_jaeger, (b"application/x-thrift", b"application/vnd.apache.thrift.binary")),
}


def with_spans(app: AsgiApp, ingest: Ingest) -> AsgiApp:
    """The application, with these paths before it."""

    async def routed(scope: Event, receive: Receive, send: Send) -> None:
        protocol = PATHS.get(scope["path"]) if scope["type"] == "http" else None
        if protocol:
            await _answer(ingest, protocol, scope, receive, send)
        else:
            await app(scope, receive, send)

    return routed


async def _answer(ingest: Ingest, protocol: Protocol, scope: Event, receive: Receive, send: Send) -> None:
    if scope["method"] != "POST":
        ingest.count(Signal.TRACES, protocol.name, "405", None)
        await send_answer(send, 405, TEXT, b"only POST is supported\n", (b"allow", b"POST"))
        return
    try:
        await _store(ingest, protocol, scope, receive)
    except Disconnected:
        ingest.count(Signal.TRACES, protocol.name, "499", None)
    except Exception as error:  # the edge of the process: every request gets an answer
        await send_failure(send, count_failure(ingest, Signal.TRACES, protocol.name, error))
    else:
        ingest.count(Signal.TRACES, protocol.name, "202", None)
        await send_answer(send, 202, TEXT, b"")


async def _store(ingest: Ingest, protocol: Protocol, scope: Event, receive: Receive) -> None:
    """Authorize, read, decompress, translate, commit. Raises InvalidRequest also where the engine refused spans."""
    headers: Headers = dict(scope["headers"])
    tenant = authorize(ingest, scope, headers)
    media = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media and media not in protocol.media:
        raise UnsupportedMediaType(f"the content type must be {protocol.media[0].decode()}")
    limit: int = min(ingest.limits.max_decompressed, ingest.budget.max_bytes // (2 * MEMORY_FACTOR))
    with Lease(ingest.budget) as lease:
        body = await read_body(ingest, headers, receive, lease)
        ingest.metrics.received_bytes.labels(Signal.TRACES, protocol.name).inc(len(body))
        inflate = partial(decompress, headers.get(b"content-encoding", b"").decode("latin-1"), body, limit)
        body = inflate() if len(body) <= INLINE else await ingest.in_codec_thread(inflate)
        ingest.metrics.decompressed_bytes.labels(Signal.TRACES, protocol.name).inc(len(body))
        lease.resize(MEMORY_FACTOR * len(body))
        work = partial(_translate, protocol, body)
        request = work() if len(body) <= INLINE else await ingest.in_codec_thread(work)
    if request:
        outcome = await ingest.commit(Signal.TRACES, tenant, request, text_of(headers.get(KEEP_HEADER.encode())))
        if outcome.rejected:
            raise InvalidRequest(f"{outcome.rejected} spans were refused, all others are stored: {outcome.reason}")


def _translate(protocol: Protocol, body: bytes) -> bytes:
    return encode_spans(protocol.name, protocol.read(body))
