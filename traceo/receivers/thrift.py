"""Thrift's binary protocol, read without its schema: a struct is a dict of its fields by number."""

from __future__ import annotations

import struct
from typing import Any

from traceo.errors import InvalidRequest

STOP, BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = 0, 2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15
NUMBERS = {
    BOOL: struct.Struct(">?"),
    BYTE: struct.Struct(">b"),
    DOUBLE: struct.Struct(">d"),
    I16: struct.Struct(">h"),
    I32: struct.Struct(">i"),
    I64: struct.Struct(">q"),
}
# A field's number and its value, or the length of its text, behind its type.
SIMPLE = {kind: struct.Struct(f">h{form.format[1:]}") for kind, form in NUMBERS.items()} | {
    STRING: struct.Struct(">hi")
}
MAX_DEPTH = 16
Fields = dict[int, Any]


def read_struct(body: bytes) -> Fields:
    """The one struct that the body is. Texts are bytes. Raises InvalidRequest with the position."""
    reader = _Reader(body)
    try:
        found = reader.read_fields(MAX_DEPTH)
    except (struct.error, IndexError) as error:
        raise InvalidRequest(f"the body is not Thrift's binary protocol: it ends early, at byte {len(body)}") from error
    if reader.at != len(body):
        raise InvalidRequest(f"the body is not Thrift's binary protocol: {len(body) - reader.at} bytes are left over")
    return found


class _Reader:
    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0

    def read_fields(self, depth: int) -> Fields:
        if not depth:
            raise self._wrong(f"nested more than {MAX_DEPTH} deep")
        found: Fields = {}
        body, at = self.body, self.at
        while kind := body[at]:
            at += 1
            form = SIMPLE.get(kind)
            if form is None:
                self.at = at
                number = self._number(I16)
                found[number] = self._value(kind, depth)
                at = self.at
                continue
            number, value = form.unpack_from(body, at)
            at += form.size
            if kind == STRING:
                self._check(value, at)
                end = at + value
                value, at = body[at:end], end
            found[number] = value
        self.at = at + 1
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in NUMBERS:
            return self._number(kind)
        if kind == STRING:
            size = self._size()
            self.at += size
            return self.body[self.at - size : self.at]
        if kind == STRUCT:
            return self.read_fields(depth - 1)
        if kind in (LIST, SET):
            inner = self._number(BYTE)
            if inner == STRUCT:
                return [self.read_fields(depth - 1) for _ in range(self._size())]
            return [self._value(inner, self._below(depth)) for _ in range(self._size())]
        if kind == MAP:
            key, inner = self._number(BYTE), self._number(BYTE)
            for _ in range(self._size()):  # Jaeger's messages have none: passed over
                self._value(key, self._below(depth))
                self._value(inner, self._below(depth))
            return None
        raise self._wrong(f"type {kind} is not known")

    def _below(self, depth: int) -> int:
        if depth <= 1:
            raise self._wrong(f"nested more than {MAX_DEPTH} deep")
        return depth - 1

    def _number(self, kind: int) -> Any:
        form = NUMBERS[kind]
        (value,) = form.unpack_from(self.body, self.at)
        self.at += form.size
        return value

    def _size(self) -> int:
        size: int = self._number(I32)
        self._check(size, self.at)
        return size

    def _check(self, size: int, at: int) -> None:
        """Of a text or list: nothing in them is smaller than a byte."""
        if not 0 <= size <= len(self.body) - at:
            self.at = at
            raise self._wrong(f"a length of {size} is more than what is left")

    def _wrong(self, what: str) -> InvalidRequest:
        return InvalidRequest(f"the body is not Thrift's binary protocol: {what}, at byte {self.at}")
