"""What an insert looks like to the engine: requests in envelopes, one after another, and the statement that takes them.

The engine's `Protobuf` format reads length-delimited messages. Each request becomes the last field of an `Envelope`
(wire/*.proto), whose other fields are ours: a body cannot reach outside its field, so that no sender can name a tenant.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources

from traceo.store.base import Batch, Request, Signal

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
    number = batch.id.to_bytes(8, "little")
    for index, request in enumerate(requests):
        tenant = request.tenant.encode()
        head = b"".join(
            (
                b"\x0a", encode_varint(len(tenant)), tenant,
                b"\x11", number,
                b"\x18", encode_varint(index),
                b"\x20\x01" if request.recent else b"",
                b"\x28", encode_varint(len(request.body)),
                b"\x32", encode_varint(len(request.body)),
            )
        )  # fmt: skip
        yield encode_varint(len(head) + len(request.body)) + head
        yield request.body


def encode_varint(number: int) -> bytes:
    """A protobuf base-128 varint."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def insert_statement(signal: Signal) -> str:
    """The INSERT without its settings and format."""
    return f"INSERT INTO otlp_{signal} (tenant, batch_id, request_index, recent, request_bytes, body)"


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
