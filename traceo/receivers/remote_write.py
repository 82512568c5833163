"""Prometheus' remote write 1.0 and 2.0: POST /prometheus/api/v1/write, as a raw ASGI application around the API's.

`write` is the way in for senders within the process. Statuses are those by which senders decide whether to send again:
they repeat after 5xx and drop after 4xx (429 is repeated only where its operator said so), so that "not now" is 503.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from traceo.errors import Overloaded, UnsupportedMediaType
from traceo.receivers.budget import Lease
from traceo.receivers.codec import decompress, decompress_snappy
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
)
from traceo.receivers.ingest import Ingest
from traceo.receivers.status import to_failure
from traceo.receivers.written import Written, count_written
from traceo.store.base import Outcome, Signal

PATH = "/prometheus/api/v1/write"
PLAIN_INLINE_BYTES = 1 << 20  # a larger body is looked at in a thread: 4000 series take some milliseconds
PROTOBUF = "application/x-protobuf"
VERSIONS = {"prometheus.WriteRequest": 1, "io.prometheus.write.v2.Request": 2}
HEADERS = {
    "samples": b"x-prometheus-remote-write-samples-written",
    "histograms": b"x-prometheus-remote-write-histograms-written",
    "exemplars": b"x-prometheus-remote-write-exemplars-written",
}


async def write(ingest: Ingest, tenant: str, body: bytes, version: int = 1) -> Outcome:
    """Store one uncompressed request of a version: 1 (`prometheus.WriteRequest`) or 2 (`…write.v2.Request`).

    The outcome says what was refused; all else is stored. Raises what `Ingest.commit` raises.
    """
    read = partial(ingest.plain_reader.read, tenant, body)
    may_be_plain = version == 1 and not ingest.is_full(tenant)
    if may_be_plain and (plain := read() if len(body) <= PLAIN_INLINE_BYTES else await ingest.in_codec_thread(read)):
        outcome = await ingest.commit(Signal.PLAIN_WRITE, tenant, plain.body)
        plain.remember()
        return outcome
    return await ingest.commit(Signal.REMOTE_WRITE, tenant, body)


def with_remote_write(app: AsgiApp, ingest: Ingest) -> AsgiApp:
    """The application, with remote write before it."""

    async def routed(scope: Event, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] != "OPTIONS":
            await _answer(ingest, scope, receive, send)
        else:
            await app(scope, receive, send)

    return routed


async def _answer(ingest: Ingest, scope: Event, receive: Receive, send: Send) -> None:
    if scope["method"] != "POST":
        ingest.count(Signal.REMOTE_WRITE, "http", "405", None)
        await send_answer(send, 405, TEXT, b"Method Not Allowed\n", (b"allow", b"OPTIONS, POST"))
        return
    try:
        outcome, written = await _receive(ingest, scope, receive)
    except Disconnected:
        ingest.count(Signal.REMOTE_WRITE, "http", "499", None)
    except Exception as error:  # the edge of the process: every request gets an answer
        failure = to_failure(error)
        if isinstance(error, Overloaded):
            failure = replace(failure, http=503)
        await send_failure(send, count_failure(ingest, Signal.REMOTE_WRITE, "http", error, failure))
    else:
        status = "400" if outcome.rejected else "204"
        ingest.count(Signal.REMOTE_WRITE, "http", status, None)
        counts = written.without(outcome.kinds).items() if written else ()
        headers = [(HEADERS[kind], b"%d" % count) for kind, count in counts]
        text = f"{outcome.rejected} items of the request were refused, all others are stored: {outcome.reason}\n"
        await send_answer(send, int(status), TEXT, text.encode() if outcome.rejected else b"", *headers)


async def _receive(ingest: Ingest, scope: Event, receive: Receive) -> tuple[Outcome, Written | None]:
    """Check, read, decompress, commit. What a request of version 2.0 has is counted for its answer."""
    headers: Headers = dict(scope["headers"])
    tenant = authorize(ingest, scope, headers)
    version = _read_version(headers.get(b"content-type", b"").decode("latin-1"))
    with Lease(ingest.budget) as lease:
        body = await read_body(ingest, headers, receive, lease)
        ingest.metrics.received_bytes.labels(Signal.REMOTE_WRITE, "http").inc(len(body))
        body = await _decompress(ingest, headers.get(b"content-encoding", b"snappy").decode("latin-1"), body)
        lease.resize(len(body))
        ingest.metrics.decompressed_bytes.labels(Signal.REMOTE_WRITE, "http").inc(len(body))
    written = count_written(body) if version == 2 else None
    return await write(ingest, tenant, body, version), written


def _read_version(content_type: str) -> int:
    """From the content type's parameter `proto`; 1 where none is sent."""
    media, *parameters = (part.strip() for part in content_type.split(";"))
    if media.lower() not in ("", PROTOBUF):
        raise UnsupportedMediaType(f"the content type must be {PROTOBUF}")
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        if name.strip().lower() == "proto":
            if value not in VERSIONS:
                raise UnsupportedMediaType(f"the message {value[:80]!r} is not supported: use {' or '.join(VERSIONS)}")
            return VERSIONS[value]
    return 1


async def _decompress(ingest: Ingest, encoding: str, body: bytes) -> bytes:
    """Small bodies here and now, large ones in a thread."""
    limit = ingest.limits.max_decompressed
    is_snappy = encoding.strip().lower() == "snappy"
    inflate = partial(decompress_snappy, body, limit) if is_snappy else partial(decompress, encoding, body, limit)
    return inflate() if len(body) <= INLINE_BYTES else await ingest.in_codec_thread(inflate)
