"""Loki's push: POST /loki/api/v1/push, protobuf and JSON, as a raw ASGI application around the API's.

Statuses are Loki's: 204; 400 with the reason, after which senders drop what they sent; 429 and 503, which they repeat.
Answers are plain text. What is wrong with one stream or line costs no other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from traceo.errors import UnsupportedMediaType
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
from traceo.receivers.loki_body import Push, read_json, read_protobuf
from traceo.receivers.otlp_json import MEMORY_FACTOR
from traceo.store.base import Signal

PATH, OLD_PATH = "/loki/api/v1/push", "/api/prom/push"
T = TypeVar("T")
PROTOBUF, JSON = "application/x-protobuf", "application/json"


def with_loki_push(app: AsgiApp, ingest: Ingest) -> AsgiApp:
    """The application, with Loki's push before it."""

    async def routed(scope: Event, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH:
            await _answer(ingest, scope, receive, send)
        elif scope["type"] == "http" and scope["path"] in (OLD_PATH, f"/loki{OLD_PATH}"):
            await send_answer(send, 404, TEXT, f"this path is Loki's before 1.0: send to {PATH}\n".encode())
        else:
            await app(scope, receive, send)

    return routed


async def _answer(ingest: Ingest, scope: Event, receive: Receive, send: Send) -> None:
    if scope["method"] != "POST":
        ingest.count(Signal.LOKI, "http", "405", None)
        await send_answer(send, 405, TEXT, b"only POST is supported\n", (b"allow", b"POST"))
        return
    try:
        push = await _receive(ingest, scope, receive)
    except Disconnected:
        ingest.count(Signal.LOKI, "http", "499", None)
    except Exception as error:  # the edge of the process: every request gets an answer
        await send_failure(send, count_failure(ingest, Signal.LOKI, "http", error))
    else:
        status = "400" if push.refused else "204"
        ingest.count(Signal.LOKI, "http", status, None)
        lines = sum(push.refused.values())
        text = f"{push.reason} ({lines} lines were refused, all others are stored)\n"
        await send_answer(send, int(status), TEXT, text.encode() if push.refused else b"")


async def _receive(ingest: Ingest, scope: Event, receive: Receive) -> Push:
    """Check, read, decompress, judge, commit."""
    headers: Headers = dict(scope["headers"])
    tenant = authorize(ingest, scope, headers)
    media = headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
    if media not in ("", PROTOBUF, JSON):
        raise UnsupportedMediaType(f"the content type must be {PROTOBUF} or {JSON}")
    encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
    with Lease(ingest.budget) as lease:
        body = await read_body(ingest, headers, receive, lease)
        ingest.metrics.received_bytes.labels(Signal.LOKI, "http").inc(len(body))
        is_json = media == JSON
        limit: int = ingest.limits.max_decompressed
        if is_json:
            limit = min(limit, ingest.budget.max_bytes // (2 * MEMORY_FACTOR))
        body = await _run(ingest, body, partial(_decompress, encoding, body, limit, is_json=is_json))
        ingest.metrics.decompressed_bytes.labels(Signal.LOKI, "http").inc(len(body))
        lease.resize(len(body) * (MEMORY_FACTOR if is_json else 2))
        push = await _run(ingest, body, partial(read_json if is_json else read_protobuf, body))
    if push.body:
        outcome = await ingest.commit(Signal.LOKI, tenant, push.body)
        if push.refused and not outcome.rejected:  # answered before the engine has counted them
            ingest.metrics.rejected_items.labels(Signal.LOKI).inc(sum(push.refused.values()))
    return push


async def _run(ingest: Ingest, body: bytes, work: Callable[[], T]) -> T:
    """Small bodies here and now, large ones in a thread."""
    return work() if len(body) <= INLINE_BYTES else await ingest.in_codec_thread(work)


def _decompress(encoding: str, body: bytes, limit: int, *, is_json: bool) -> bytes:
    """Protobuf is always in snappy's block format, whatever lies around it, as in Loki."""
    if encoding not in ("", "identity", "snappy"):
        body = decompress(encoding, body, limit)
    return decompress_snappy(body, limit) if not is_json or encoding == "snappy" else body
