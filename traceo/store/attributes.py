"""Attribute values: encoded OTLP `AnyValue`s in the tables, JSON values outside, text and numbers inside the engine.

An encoded value begins with the tag of its type: 0x0A string, 0x10 bool, 0x18 int64 (varint), 0x21 double, 0x2A array,
0x32 key-value list, 0x3A bytes. Encoders write tags and lengths in one way only, so equal values have equal bytes. A
missing key of a map reads as the empty string, which no value encodes to.
"""

import base64
import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1

# A length-delimited value's header is its tag and a length of 1 to 4 bytes, which the total length tells.
CONTENT = "substring({x}, multiIf(length({x}) < 130, 3, length({x}) < 16387, 4, length({x}) < 2097156, 5, 6))"
# The groups of 7 bits of a varint: eight in the first word, the rest (of large and negative numbers) behind it.
LOW_WORD = "reinterpretAsUInt64(substring({x}, 2, 8))"
HIGH_WORD = "reinterpretAsUInt64(substring({x}, 10))"

# What begins the encoding of a text, by its whole length of less than 130 bytes.
SHORT_TEXT = [b"none", b"none", *(bytes([0x0A, length]) for length in range(128))]
MAX_ELEMENTS = 1000
BYTE = "toUInt64(reinterpretAsUInt8(substring(c, tupleElement(found, 1) + {n}, 1)))"
FIRST, SECOND, THIRD = (BYTE.format(n=n) for n in (1, 2, 3))
LENGTH = (
    FIRST,
    f"bitAnd({FIRST}, 127) + 128 * {SECOND}",
    f"bitAnd({FIRST}, 127) + 128 * bitAnd({SECOND}, 127) + 16384 * {THIRD}",
)


def encode_value(value: Any) -> bytes:
    """A JSON-able value as an encoded `AnyValue`; None is the unset value, `b""`."""
    return _to_any_value(value).SerializeToString(deterministic=True)


def decode_value(raw: bytes) -> Any:
    """An encoded `AnyValue` as a JSON-able value.

    What JSON has no type for becomes an object with one key: `{"$bytes": base64}`, `{"$double": "NaN"}`.
    Bytes that are no `AnyValue` are shown like a bytes value: a query must not fail on one sender's mistake.
    """
    if len(raw) < 130 and raw[:2] == SHORT_TEXT[len(raw)]:  # most values by far; in a third of the time
        try:
            return raw[2:].decode()
        except UnicodeDecodeError:
            pass
    try:
        return _from_any_value(AnyValue.FromString(raw))
    except DecodeError:
        return {"$bytes": base64.b64encode(raw).decode()}


def decode_map(attributes: Mapping[bytes, bytes]) -> dict[str, Any]:
    """A map column's row, decoded."""
    return {decode_text(key): decode_value(value) for key, value in attributes.items()}


def decode_maps(column: pa.ChunkedArray) -> list[dict[str, Any]]:
    """A map column, decoded: each distinct key and value once."""
    made: list[dict[str, Any]] = []
    for chunk in column.chunks:
        keys, values = decode_each(chunk.keys, decode_text), decode_each(chunk.items, decode_value)
        made += [dict(zip(keys[a:b], values[a:b], strict=True)) for a, b in pairwise(chunk.offsets.to_pylist())]
    return made


def decode_each(values: pa.Array, decode: Callable[[bytes], Any]) -> list[Any]:
    """The values of a column of texts, decoded: equal ones once."""
    encoded = values.cast(pa.binary()).dictionary_encode()
    distinct = encoded.dictionary.to_numpy(zero_copy_only=False).tolist()
    decoded = np.fromiter(map(decode, distinct), object, len(distinct))
    return decoded[encoded.indices.to_numpy()].tolist()  # type: ignore[no-any-return]


def decode_text(raw: bytes) -> str:
    """Text as a sender wrote it; bytes that are not UTF-8 become U+FFFD."""
    return raw.decode("utf-8", "replace")


def encodings_of(text: str) -> list[bytes]:
    """The encoded values that a user may mean by this text: the string, and the number or bool that reads the same."""
    found = [encode_value(text)]
    if text in ("true", "false"):
        found.append(encode_value(text == "true"))
    number = _to_number(text)
    if isinstance(number, int):
        found.append(encode_value(number))
    if number is not None and math.isfinite(number):
        found.append(encode_value(float(number)))
    return found


def content_of(x: str) -> str:
    """SQL: the bytes of a string, bytes or nested value, without its header."""
    return CONTENT.format(x=x)


def int_of(x: str) -> str:
    """SQL: the Int64 of an encoded int; of a value of another type, nonsense."""
    low, high = LOW_WORD.format(x=x), HIGH_WORD.format(x=x)
    groups = [f"bitAnd(bitShiftRight({low}, {k}), {0x7F << (7 * k)})" for k in range(8)]
    groups += [f"bitShiftLeft(bitAnd({high}, 127), 56)", f"bitShiftLeft(bitAnd(bitShiftRight({high}, 8), 1), 63)"]
    return f"reinterpretAsInt64({' + '.join(groups)})"


def double_of(x: str) -> str:
    """SQL: the Float64 of an encoded double."""
    return f"reinterpretAsFloat64(substring({x}, 2))"


def elements_of(x: str) -> str:
    """SQL: the first 1000 encoded elements of an encoded array, each behind its tag and its length of 1 to 3 bytes."""
    size, head = (
        f"multiIf({FIRST} < 128, {small}, {SECOND} < 128, {middle}, {large})"
        for small, middle, large in (LENGTH, ("2", "3", "4"))
    )
    start = "tupleElement(found, 1)"
    step = f"({start} + {head} + {size}, arrayPushBack(tupleElement(found, 2), substring(c, {start} + {head}, {size})))"
    return (
        f"arrayMap(c -> tupleElement(arrayFold((found, i) -> if({start} > length(c), found, {step}), "
        f"range(least({MAX_ELEMENTS}, intDiv(length(c), 2))), (toUInt64(1), CAST([], 'Array(String)'))), 2), "
        f"[{content_of(x)}])[1]"
    )


def text_of(x: str) -> str:
    """SQL: readable text of an encoded value.

    A string is itself, an int its decimal digits, a bool `true` or `false`, a double its shortest digits, a missing or
    unset value the empty string. Bytes are base64; arrays and key-value lists are the base64 of their encoding.
    """
    return (
        f"multiIf(startsWith({x}, '\\n'), {content_of(x)}, startsWith({x}, '\\x18'), toString({int_of(x)}), "
        f"startsWith({x}, '\\x10'), if(endsWith({x}, '\\x01'), 'true', 'false'), "
        f"startsWith({x}, '!'), toString({double_of(x)}), "
        f"startsWith({x}, ':'), base64Encode({content_of(x)}), base64Encode({x}))"
    )


def number_of(x: str) -> str:
    """SQL: the Nullable(Float64) of an encoded int or double, or of a string that is a number; NULL for the rest."""
    return (
        f"multiIf(startsWith({x}, '\\x18'), toFloat64({int_of(x)}), startsWith({x}, '!'), {double_of(x)}, "
        f"startsWith({x}, '\\n'), toFloat64OrNull({content_of(x)}), NULL)"
    )


def text_map_of(attributes: str) -> str:
    """SQL: a map column with readable text for values."""
    return f"mapApply((k, v) -> (k, {text_of('v')}), {attributes})"


def _to_any_value(value: Any) -> AnyValue:
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int() if INT64_MIN <= value <= INT64_MAX:
            return AnyValue(int_value=value)
        case int() | float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case Mapping():
            pairs = [KeyValue(key=key, value=_to_any_value(item)) for key, item in value.items()]
            return AnyValue(kvlist_value=KeyValueList(values=pairs))
        case list() | tuple():
            return AnyValue(array_value=ArrayValue(values=[_to_any_value(item) for item in value]))
        case _:
            raise TypeError(f"an attribute cannot be a {type(value).__name__}")


def _from_any_value(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case "bytes_value":
            return {"$bytes": base64.b64encode(value.bytes_value).decode()}
        case "double_value":
            return show_double(value.double_value)
        case "array_value":
            return [_from_any_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: _from_any_value(pair.value) for pair in value.kvlist_value.values}
        case None:
            return None
        case kind:
            return getattr(value, kind)


def show_double(value: float) -> Any:
    """A double for JSON: itself, or `{"$double": "NaN" | "Infinity" | "-Infinity"}`."""
    if math.isfinite(value):
        return value
    return {"$double": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}


def _to_number(text: str) -> int | float | None:
    """The number that a text writes plainly, without spaces or underscores."""
    if not text or not text.isascii() or "_" in text or text != text.strip():
        return None
    try:
        number = int(text)
        return number if INT64_MIN <= number <= INT64_MAX else float(number)
    except ValueError:
        pass
    except OverflowError:
        return None
    try:
        return float(text)
    except ValueError:
        return None
