"""What the receivers of JSON lines over HTTP share: the body's lines, and their way to the batcher."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl

from traceo.errors import InvalidRequest
from traceo.receivers.budget import Lease
from traceo.receivers.codec import decompress
from traceo.receivers.http import INLINE_BYTES, Event, Headers, Receive, authorize, read_body
from traceo.receivers.ingest import Ingest
from traceo.receivers.json_record import Roles
from traceo.receivers.log_records import Record, encode_request
from traceo.store.base import Signal

MEMORY_FACTOR = 6  # what the records of one byte may take
NAMES = {
    "times": ("time_field", "_time_field"),
    "messages": ("message_field", "_msg_field"),
    "levels": ("level_field",),
    "services": ("service_field",),
    "stream": ("stream_fields", "_stream_fields"),
}
T = TypeVar("T")


async def receive_lines(
    ingest: Ingest, transport: str, scope: Event, receive: Receive, read: Callable[[bytes], tuple[T, Sequence[Record]]]
) -> T:
    """Authorize, read, decompress; `read` makes records of the body; commit. What `read` says besides.

    Raises what `authorize`, `read_body`, `read` and `Ingest.commit` raise.
    """
    headers: Headers = dict(scope["headers"])
    headers = _with_api_key(headers)
    tenant = authorize(ingest, scope, headers)
    encoding = headers.get(b"content-encoding", b"").decode("latin-1")
    limit: int = min(ingest.limits.max_decompressed, ingest.budget.max_bytes // (2 * MEMORY_FACTOR))
    with Lease(ingest.budget) as lease:
        body = await read_body(ingest, headers, receive, lease)
        ingest.metrics.received_bytes.labels(Signal.LOGS, transport).inc(len(body))
        inflate = partial(decompress, encoding, body, limit)
        is_small = len(body) <= INLINE_BYTES
        body = inflate() if is_small else await ingest.in_codec_thread(inflate)
        ingest.metrics.decompressed_bytes.labels(Signal.LOGS, transport).inc(len(body))
        lease.resize(MEMORY_FACTOR * len(body))
        work = partial(_translate, transport, body, read)
        said, request = work() if len(body) <= INLINE_BYTES else await ingest.in_codec_thread(work)
    if request:
        await ingest.commit(Signal.LOGS, tenant, request)
    return said


def read_roles(scope: Event) -> Roles:
    """From the parameters of the query. Raises InvalidRequest."""
    given = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
    chosen = {role: _split(given[name]) for role, names in NAMES.items() for name in names if given.get(name)}
    extra = _split(given.get("extra_fields", ""))
    if any("=" not in text for text in extra):
        raise InvalidRequest("extra_fields: name=value,name=value is what it takes")
    pairs = [text.partition("=") for text in extra]
    return Roles(**chosen, extra=tuple((name, value) for name, _, value in pairs))


def _translate(transport: str, body: bytes, read: Callable[[bytes], tuple[T, Sequence[Record]]]) -> tuple[T, bytes]:
    said, records = read(body)
    return said, encode_request(transport, records) if records else b""


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


def _with_api_key(headers: Headers) -> Headers:
    """Elastic's `ApiKey base64(id:key)`: the key is the token."""
    kind, _, value = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() != b"apikey":
        return headers
    try:
        _, _, key = base64.b64decode(value, validate=True).partition(b":")
    except binascii.Error:
        key = value
    return {**headers, b"authorization": b"Bearer " + key}
