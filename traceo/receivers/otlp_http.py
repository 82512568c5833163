"""OTLP over HTTP as a raw ASGI application: POST /v1/traces, /v1/logs, /v1/metrics; protobuf or JSON.

Whatever the request, its answer is in its own content type: an Export<Signal>ServiceResponse or a google.rpc.Status.
"""

from __future__ import annotations

from functools import partial

from traceo.errors import UnsupportedMediaType
from traceo.receivers.budget import Lease
from traceo.receivers.codec import decompress
from traceo.receivers.http import (
    INLINE_BYTES,
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
    text_of,
)
from traceo.receivers.ingest import KEEP_HEADER, Ingest
from traceo.receivers.otlp_json import MEMORY_FACTOR, json_to_protobuf
from traceo.receivers.status import NOT_FOUND, UNIMPLEMENTED, Failure, success_json, success_protobuf
from traceo.store.base import OTLP, Outcome, Signal

PATHS = {f"/v1/{signal}": signal for signal in OTLP}
PROTOBUF, JSON = b"application/x-protobuf", b"application/json"
EXPECTED_RATIO = 8  # what a compressed body is expected to become, until it is known


def make_otlp_http_app(ingest: Ingest) -> AsgiApp:
    """The ASGI application. Serve it without proxy headers: `scope["client"]` MUST be the connection's other end."""

    async def app(scope: Event, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _answer(ingest, scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    return app


async def _live(receive: Receive, send: Send) -> None:
    while (event := await receive())["type"] != "lifespan.shutdown":
        await send({"type": event["type"] + ".complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _answer(ingest: Ingest, scope: Event, receive: Receive, send: Send) -> None:
    headers: Headers = dict(scope["headers"])
    media = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    signal = PATHS.get(scope["path"])
    if signal is None:
        paths = ", ".join(PATHS)
        await _send_failure(send, media, Failure(404, NOT_FOUND, f"no such path: OTLP is at {paths}"))
        return
    if scope["method"] != "POST":
        failure = Failure(405, UNIMPLEMENTED, "only POST is supported")
        ingest.count(signal, "http", "405", None)
        await _send_failure(send, media, failure, (b"allow", b"POST"))
        return
    try:
        outcome = await _export(ingest, signal, media, headers, scope, receive)
    except Disconnected:
        ingest.count(signal, "http", "499", None)
    except Exception as error:  # the edge of the process: every request gets an answer
        await _send_failure(send, media, count_failure(ingest, signal, "http", error))
    else:
        ingest.count(signal, "http", "200", None)
        body = success_json(signal, outcome) if media == JSON else success_protobuf(outcome)
        await send_answer(send, 200, media, body)


async def _export(
    ingest: Ingest, signal: Signal, media: bytes, headers: Headers, scope: Event, receive: Receive
) -> Outcome:
    """Check, read, decode, commit. The lease covers the body until the batcher counts it."""
    tenant = authorize(ingest, scope, headers)
    if media not in (PROTOBUF, JSON):
        raise UnsupportedMediaType("the content type must be application/x-protobuf or application/json")
    with Lease(ingest.budget) as lease:
        body = await read_body(ingest, headers, receive, lease)
        ingest.metrics.received_bytes.labels(signal, "http").inc(len(body))
        body = await _decode(ingest, signal, media, headers, body, lease)
        ingest.metrics.decompressed_bytes.labels(signal, "http").inc(len(body))
    return await ingest.commit(signal, tenant, body, text_of(headers.get(KEEP_HEADER.encode())))


async def _decode(ingest: Ingest, signal: Signal, media: bytes, headers: Headers, body: bytes, lease: Lease) -> bytes:
    """The protobuf bytes of the request. Small bodies are done here and now; large ones in a thread."""
    encoding = headers.get(b"content-encoding", b"").decode("latin-1")
    limit: int = ingest.limits.max_decompressed
    if media == JSON:
        limit = min(limit, ingest.budget.max_bytes // (2 * MEMORY_FACTOR))
    if encoding:
        lease.resize(max(len(body), min(limit, EXPECTED_RATIO * len(body))))
    inflate = partial(decompress, encoding, body, limit)
    body = inflate() if len(body) <= INLINE_BYTES or not encoding else await ingest.in_codec_thread(inflate)
    if media == JSON:
        lease.resize(MEMORY_FACTOR * len(body))
        convert = partial(json_to_protobuf, signal, body)
        body = convert() if len(body) <= INLINE_BYTES else await ingest.in_codec_thread(convert)
    return body


async def _send_failure(send: Send, media: bytes, failure: Failure, *headers: tuple[bytes, bytes]) -> None:
    headers += failure.headers()
    if media == PROTOBUF:
        await send_answer(send, failure.http, PROTOBUF, failure.to_protobuf(), *headers)
    else:
        await send_answer(send, failure.http, JSON, failure.to_json(), *headers)
