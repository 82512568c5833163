"""What receivers over HTTP share: a raw ASGI application's body, credentials and answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from traceo.errors import InvalidRequest, Overloaded, PayloadTooLarge
from traceo.receivers.budget import Lease
from traceo.receivers.ingest import Ingest
from traceo.receivers.status import Failure, to_failure
from traceo.store.base import Signal

logger = logging.getLogger(__name__)

Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
AsgiApp = Callable[[Event, Receive, Send], Awaitable[None]]
Headers = dict[bytes, bytes]

TEXT = b"text/plain; charset=utf-8"
INLINE_BYTES = 256 << 10  # a larger body is worked on in a thread


class Disconnected(Exception):
    """The client went away before its body was complete."""


def authorize(ingest: Ingest, scope: Event, headers: Headers) -> str:
    """The tenant for whom this request may write. Raises Unauthenticated, PermissionDenied, InvalidRequest."""
    client = scope.get("client")
    return ingest.authorize(
        text_of(headers.get(b"authorization")), text_of(headers.get(b"x-scope-orgid")), client[0] if client else ""
    )


async def read_body(ingest: Ingest, headers: Headers, receive: Receive, lease: Lease) -> bytes:
    """All bytes as sent; refused before the first is read where Content-Length says enough.

    Raises Disconnected, PayloadTooLarge, Overloaded (also when it does not arrive within `ingest.request_timeout`).
    """
    limit = ingest.limits.max_body
    announced = headers.get(b"content-length", b"")
    if announced.isdigit():
        if int(announced) > limit:
            raise _body_too_large(limit)
        ingest.budget.check(int(announced))
    try:
        async with asyncio.timeout(ingest.limits.request_timeout):
            return await _read_chunks(receive, lease, limit)
    except TimeoutError as error:
        raise Overloaded("the body did not arrive in time: send it again") from error


async def _read_chunks(receive: Receive, lease: Lease, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Disconnected
        chunk = event.get("body", b"")
        if chunk:
            size += len(chunk)
            if size > limit:
                raise _body_too_large(limit)
            lease.resize(size)
            chunks.append(chunk)
        if not event.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def send_answer(send: Send, status: int, media: bytes, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """A whole answer."""
    fixed = ((b"content-type", media), (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body})


async def send_failure(send: Send, failure: Failure) -> None:
    """Its message as text."""
    await send_answer(send, failure.http, TEXT, f"{failure.message}\n".encode(), *failure.headers())


def count_failure(
    ingest: Ingest, signal: Signal, transport: str, error: Exception, failure: Failure | None = None
) -> Failure:
    """What an error is for its sender (OTLP's rules, or `failure`). It is counted, and logged when it is ours."""
    failure = failure or to_failure(error)
    if failure.http == 500:
        logger.error("request failed", exc_info=error, extra={"fields": {"signal": signal, "transport": transport}})
    ingest.count(signal, transport, str(failure.http), error)
    return failure


def _body_too_large(limit: int) -> InvalidRequest:
    return PayloadTooLarge(f"the body is larger than ingest.max_body ({limit} bytes)", limit_bytes=limit)


def text_of(value: bytes | None) -> str | None:
    """A header as text; None when it was not sent."""
    return None if value is None else value.decode("latin-1")
