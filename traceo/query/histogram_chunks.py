"""Prometheus' chunks of native histograms (the formats `histogram` and `floathistogram` of its TSDB).

A chunk has one layout, which its head says: schema, zero bucket, spans, bounds. It holds no counter reset but before
its first histogram, because its readers take that for granted.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from traceo.query.xor_chunks import SAMPLES, Chunk, encode_difference

INT_CHUNK, FLOAT_CHUNK = 2, 3  # `Chunk.Encoding` of remote read
CUSTOM_BUCKETS = -53
STALE_BITS = 0x7FF0000000000002
RESET, GAUGE = 1, 3  # `hint` of a row
HEADERS = {RESET: 0b1000_0000, GAUGE: 0b1100_0000}
NO_WINDOW = (-1, 0)
SIDES = ("positive", "negative")
# Numbers of so many bits, and what says that one follows.
WIDTHS = ((3, "10"), (6, "110"), (9, "1110"), (12, "11110"), (18, "111110"), (25, "1111110"), (56, "11111110"))
WIDEST = (64, "11111111")
MAX_SHORT_BOUND = 33_554_430
Row = dict[str, Any]  # of the table native_histograms, with `ms`
Spans = list[tuple[int, int]]


@dataclass(slots=True)
class Bits:
    """Bits in the making."""

    texts: list[str] = field(default_factory=list)

    def put(self, number: int, width: int) -> None:
        """The lowest bits of a number."""
        self.texts.append(format(number & ((1 << width) - 1), f"0{width}b"))

    def put_float(self, number: float) -> None:
        """64 bits."""
        self.put(float_bits(number), 64)

    def put_signed(self, number: int) -> None:
        """In few bits if it is near zero."""
        if number == 0:
            return self.texts.append("0")
        fits = (each for each in WIDTHS if -(1 << (each[0] - 1)) < number <= 1 << (each[0] - 1))
        width, prefix = next(fits, WIDEST)
        self.texts.append(prefix)
        self.put(number, width)

    def put_unsigned(self, number: int) -> None:
        """In few bits if it is small."""
        if number == 0:
            return self.texts.append("0")
        width, prefix = next((each for each in WIDTHS if number < 1 << each[0]), WIDEST)
        self.texts.append(prefix)
        self.put(number, width)

    def to_bytes(self) -> bytes:
        """Filled up with zeros."""
        text = "".join(self.texts)
        size = -(-len(text) // 8)
        return int(text.ljust(size * 8, "0") or "0", 2).to_bytes(size, "big")


def float_bits(number: float) -> int:
    """As a whole number of 64 bits."""
    return int.from_bytes(struct.pack(">d", number), "big")


def spans_of(indexes: Sequence[int]) -> Spans:
    """Runs of ascending bucket indexes: how far each begins after the end of the one before, and its length."""
    spans: Spans = []
    after = 0
    for index in indexes:
        if spans and index == after:
            spans[-1] = (spans[-1][0], spans[-1][1] + 1)
        else:
            spans.append((index - after, 1))
        after = index + 1
    return spans


def encode_histogram_chunks(rows: Sequence[Row]) -> Iterator[tuple[int, Chunk]]:
    """All histograms of a series, in order of time, each chunk with its encoding (INT_CHUNK or FLOAT_CHUNK)."""
    run: list[Row] = []
    for row in rows:
        if run and (len(run) == SAMPLES or _layout(run[-1]) != _layout(row) or _is_reset(row, run[-1])):
            yield _encode(run)
            run = []
        run.append(row)
    if run:
        yield _encode(run)


def _layout(row: Row) -> tuple[Any, ...]:
    if float_bits(row["sum"]) == STALE_BITS:
        return (row["is_float"],)
    is_gauge = row["hint"] == GAUGE
    return row["is_float"], is_gauge, row["schema"], row["zero_threshold"], tuple(row["custom_bounds"])


def _is_reset(row: Row, before: Row) -> bool:
    """Whether a counter was reset between two histograms of the same layout."""
    if row["hint"] in (RESET, GAUGE):
        return bool(row["hint"] == RESET)
    if row["count"] < before["count"] or row["zero_count"] < before["zero_count"]:
        return True
    for side in SIDES:
        now = _counts(row, side)
        if any(now.get(index, 0.0) < count for index, count in _counts(before, side).items()):
            return True
    return False


def _counts(row: Row, side: str) -> dict[int, float]:
    return dict(zip(row[f"{side}_indexes"], row[f"{side}_counts"], strict=True))


def _encode(rows: list[Row]) -> tuple[int, Chunk]:
    """`rows` have one layout; buckets that only some of them have are empty in the others."""
    first, bits = rows[0], Bits()
    is_stale = float_bits(first["sum"]) == STALE_BITS
    sides = [[] if is_stale else sorted({i for row in rows for i in row[f"{side}_indexes"]}) for side in SIDES]
    head = {"schema": 0, "zero_threshold": 0.0, "custom_bounds": ()} if is_stale else first
    _put_layout(bits, head, [spans_of(indexes) for indexes in sides])
    buckets = [[_absolute(row, side, indexes) for side, indexes in zip(SIDES, sides, strict=True)] for row in rows]
    (_put_floats if first["is_float"] else _put_ints)(bits, rows, buckets)
    flags = bytes([0 if is_stale else HEADERS.get(first["hint"], 0)])
    data = len(rows).to_bytes(2, "big") + flags + bits.to_bytes()
    return FLOAT_CHUNK if first["is_float"] else INT_CHUNK, Chunk(first["ms"], rows[-1]["ms"], data)


def _absolute(row: Row, side: str, indexes: list[int]) -> list[float]:
    counts = _counts(row, side)
    return [counts.get(index, 0.0) for index in indexes]


def _put_layout(bits: Bits, head: Row, spans: list[Spans]) -> None:
    _put_zero_threshold(bits, head["zero_threshold"])
    bits.put_signed(head["schema"])
    for side in spans:
        bits.put_unsigned(len(side))
        for offset, length in side:
            bits.put_unsigned(length)
            bits.put_signed(offset)
    if head["schema"] == CUSTOM_BUCKETS:
        bits.put_unsigned(len(head["custom_bounds"]))
        for bound in head["custom_bounds"]:
            _put_bound(bits, bound)


def _put_zero_threshold(bits: Bits, threshold: float) -> None:
    """One byte for zero and for usual powers of two."""
    fraction, exponent = math.frexp(threshold)
    if threshold == 0:
        bits.put(0, 8)
    elif fraction == 0.5 and -242 <= exponent <= 11:
        bits.put(exponent + 243, 8)
    else:
        bits.put(255, 8)
        bits.put_float(threshold)


def _put_bound(bits: Bits, bound: float) -> None:
    """In thousandths, if it is a whole and not too large number of them."""
    thousandths = bound * 1000
    if 0 <= thousandths <= MAX_SHORT_BOUND and round(thousandths) / 1000 == bound:
        return bits.put_unsigned(round(thousandths) + 1)
    bits.put(0, 1)
    bits.put_float(bound)


def _put_ints(bits: Bits, rows: list[Row], buckets: list[list[list[float]]]) -> None:
    """Times, counts and differences between buckets, each as the change of its change."""
    before: list[int] = []
    step: list[int] = []
    window, last_sum = NO_WINDOW, 0
    for place, (row, sides) in enumerate(zip(rows, buckets, strict=True)):
        deltas = [round(count - last) for side in sides for last, count in zip([0.0, *side], side, strict=False)]
        numbers = [row["ms"], round(row["count"]), round(row["zero_count"]), *deltas]
        changes = [now - then for now, then in zip(numbers, before or [0] * len(numbers), strict=True)]
        shown = [now - then for now, then in zip(changes, step or [0] * len(numbers), strict=True)]
        for number, change in enumerate(shown if place > 1 else changes):
            if number == 3:
                window, last_sum = _put_sum(bits, row, place, window, last_sum)
            unsigned = number in (1, 2) if place == 0 else number == 0 and place == 1
            (bits.put_unsigned if unsigned else bits.put_signed)(change)
        if len(numbers) == 3:
            window, last_sum = _put_sum(bits, row, place, window, last_sum)
        before, step = numbers, changes if place else []


def _put_sum(bits: Bits, row: Row, place: int, window: tuple[int, int], before: int) -> tuple[tuple[int, int], int]:
    now = float_bits(row["sum"])
    if place == 0:
        bits.put(now, 64)
        return window, now
    code, size, window = encode_difference(now ^ before, window)
    bits.put(code, size)
    return window, now


def _put_floats(bits: Bits, rows: list[Row], buckets: list[list[list[float]]]) -> None:
    """Times as the change of their change, all else as exclusive or with the value before."""
    time_ms = step = 0
    before: list[int] = []
    windows: list[tuple[int, int]] = []
    for place, (row, sides) in enumerate(zip(rows, buckets, strict=True)):
        change = row["ms"] - time_ms
        bits.put_signed(change - step)
        time_ms, step = row["ms"], change if place else 0
        flat = (count for side in sides for count in side)
        numbers = [float_bits(number) for number in (row["count"], row["zero_count"], row["sum"], *flat)]
        if place == 0:
            for number in numbers:
                bits.put(number, 64)
            windows = [NO_WINDOW] * len(numbers)
        else:
            for slot, (now, then) in enumerate(zip(numbers, before, strict=True)):
                code, size, windows[slot] = encode_difference(now ^ then, windows[slot])
                bits.put(code, size)
        before = numbers
