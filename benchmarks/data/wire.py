"""Protobuf's wire format, as far as OTLP requests need it."""

import struct
from functools import cache

LENGTH, FIXED64, VARINT = 2, 1, 0
pack_fixed64 = struct.Struct("<Q").pack
pack_double = struct.Struct("<d").pack


def varint(number: int) -> bytes:
    """Base-128, least significant group first."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


SHORT = tuple(varint(number) for number in range(1 << 14))


def block(number: int, content: bytes) -> bytes:
    """A field of bytes, text or a message; `number` below 16."""
    size = len(content)
    return bytes((number << 3 | LENGTH,)) + (SHORT[size] if size < len(SHORT) else varint(size)) + content


def text(number: int, value: str) -> bytes:
    """A field of text."""
    return block(number, value.encode())


def whole(number: int, value: int) -> bytes:
    """A field of an unsigned number."""
    return bytes((number << 3 | VARINT,)) + varint(value)


def tag_fixed64(number: int) -> bytes:
    """The key of a fixed64 or double field, to be followed by 8 bytes."""
    return bytes((number << 3 | FIXED64,))


def attribute(number: int, key: str, value: str | int) -> bytes:
    """A field of `KeyValue`."""
    encoded = text(1, value) if isinstance(value, str) else whole(3, value)
    return block(number, text(1, key) + block(2, encoded))


fixed_attribute = cache(attribute)  # for values that come again


def resource(attributes: dict[str, str | int]) -> bytes:
    """The `resource` field of ResourceSpans, ResourceLogs and ResourceMetrics."""
    return block(1, b"".join(attribute(1, key, value) for key, value in attributes.items()))
