"""What an insert looks like to the engine: requests in envelopes, one after another, and the statement that takes them.

The engine's `Protobuf` format reads length-delimited messages. Each request becomes the last field of an `Envelope`
(wire/*.proto), whose other fields are ours: a body cannot reach outside its field, so that no sender can name a tenant.
Field 7 is a CRC-32 of tenant and body, for files that a crash cut off (receivers/journal.py); the engine skips it.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources

from isal import isal_zlib

from traceo.store.base import Batch, Request, Signal
from traceo.store.messages import encode_varint

VARINT = rb"[\x80-\xff]*[\x00-\x7f]"
# As `frame_head` writes it. A tenant's name has no control characters, so that its end is found without counting.
FRAME = re.compile(
    rb"%(n)s\x0a(?P<tenant_size>%(n)s)(?P<tenant>[^\x00-\x1f]*)\x11.{8}\x18%(n)s(?P<recent>\x20\x01)?"
    rb"\x28%(n)s(?P<keep>\x40\x01)?\x3d(?P<checksum>.{4})\x32(?P<size>%(n)s)" % {b"n": VARINT},
    re.DOTALL,
)

ONE_BLOCK = {
    # A batch is one block, so that every table takes all of it or nothing.
    "max_insert_block_size": 100_000_000,
    "min_insert_block_size_rows": 100_000_000,
    "min_insert_block_size_bytes": 4_000_000_000,
    # Cut at an ARRAY JOIN, it would be copied there and again when it is put together.
    "max_block_size": 100_000_000,
    "input_format_parallel_parsing": 0,
    # A block may hold spans of any day; partitions go by arrival.
    "max_partitions_per_insert_block": 0,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
}


def frame_batch(requests: Sequence[Request], batch: Batch) -> Iterator[bytes]:
    """The bytes of a batch, in pieces; a request's body is passed on as it is."""
    for index, request in enumerate(requests):
        yield frame_head(request, batch, index)
        yield request.body


def frame_head(request: Request, batch: Batch, index: int) -> bytes:
    """What stands before a request's body: the envelope's length and all its other fields."""
    tenant, size = request.tenant.encode(), encode_varint(len(request.body))
    head = b"".join(
        (
            b"\x0a", encode_varint(len(tenant)), tenant,
            b"\x11", batch.id.to_bytes(8, "little"),
            b"\x18", encode_varint(index),
            b"\x20\x01" if request.recent else b"",
            b"\x28", size,
            b"\x40\x01" if request.keep else b"",
            b"\x3d", _checksum(tenant, request.body),
            b"\x32", size,
        )
    )  # fmt: skip
    return encode_varint(len(head) + len(request.body)) + head


def read_frames(data: bytes) -> Iterator[Request]:
    """The requests of framed bytes that are whole and undamaged, up to the first that is not."""
    at = 0
    while at < len(data):
        match = FRAME.match(data, at)
        if match is None:
            return
        tenant = match["tenant"]
        body = data[match.end() : match.end() + _decode_varint(match["size"])]
        if _decode_varint(match["tenant_size"]) != len(tenant) or _checksum(tenant, body) != match["checksum"]:
            return
        yield Request(tenant.decode(), body, bool(match["recent"]), bool(match["keep"]))
        at = match.end() + len(body)


def _checksum(tenant: bytes, body: bytes) -> bytes:
    return isal_zlib.crc32(body, isal_zlib.crc32(tenant)).to_bytes(4, "little")


def _decode_varint(data: bytes) -> int:
    return sum((byte & 127) << 7 * place for place, byte in enumerate(data))


def insert_statement(signal: Signal) -> str:
    """The INSERT without its settings and format."""
    columns = "tenant, batch_id, request_index, recent, request_bytes, body"
    return f"INSERT INTO {signal.inlet} ({columns}{', keep' if signal is Signal.TRACES else ''})"


def insert_settings(signal: Signal, batch: Batch) -> dict[str, str]:
    """Settings of one insert."""
    return {
        "format_schema_source": "string",
        "format_schema": wire_schema(signal),
        "format_schema_message_name": "Envelope",
        "input_format_protobuf_oneof_presence": "1",
        "insert_deduplication_token": batch.token,
        **{name: str(value) for name, value in ONE_BLOCK.items()},
    }


@cache
def wire_schema(signal: Signal) -> str:
    """The .proto text of a signal's inlet, without comments."""
    folder = resources.files("traceo.store") / "wire"
    text = (folder / "common.proto").read_text() + (folder / f"{signal}.proto").read_text()
    lines = [line.split("//")[0].strip() for line in text.splitlines()]
    return 'syntax = "proto3";\n' + "\n".join(line for line in lines if line)
