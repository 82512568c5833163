"""Prometheus' XOR chunks: up to 120 samples in the bits that differ from those before (the format of its TSDB)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from traceo.store.messages import encode_varint

SAMPLES = 120
# Changes of the step between samples: the most bits that each prefix is followed by.
STEPS = ((0b10, 2, 14), (0b110, 3, 17), (0b1110, 4, 20))
MAX_LEADING = 31  # it has five bits


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples from `min_time_ms` to `max_time_ms`, both included."""

    min_time_ms: int
    max_time_ms: int
    data: bytes


def encode_chunks(times_ms: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> Iterator[Chunk]:
    """All samples of a series, in order of time."""
    bits = np.ascontiguousarray(values, dtype="<f8").view("<u8")
    for start in range(0, len(times_ms), SAMPLES):
        times = times_ms[start : start + SAMPLES].tolist()
        yield Chunk(times[0], times[-1], _encode(times, bits[start : start + SAMPLES].tolist()))


def _encode(times: list[int], values: list[int]) -> bytes:
    """`written` holds all bits so far; `window`: leading and trailing zeros of the last difference that said them."""
    written, size = 1, 1  # a one leads, so that zeros count
    first = encode_varint(_zigzag(times[0]))
    written, size = written << 8 * len(first) | int.from_bytes(first, "big"), size + 8 * len(first)
    written, size = written << 64 | values[0], size + 64
    step, window = 0, (-1, 0)
    for place in range(1, len(times)):
        new_step = times[place] - times[place - 1]
        if place == 1:
            code = encode_varint(new_step)
            code_bits, code_size = int.from_bytes(code, "big"), 8 * len(code)
        else:
            code_bits, code_size = _encode_step(new_step - step)
        step = new_step
        written, size = written << code_size | code_bits, size + code_size
        code_bits, code_size, window = encode_difference(values[place] ^ values[place - 1], window)
        written, size = written << code_size | code_bits, size + code_size
    padding = -(size - 1) % 8
    whole = (written << padding) & ((1 << (size - 1 + padding)) - 1)
    return len(times).to_bytes(2, "big") + whole.to_bytes((size - 1 + padding) // 8, "big")


def _encode_step(change: int) -> tuple[int, int]:
    if change == 0:
        return 0, 1
    for prefix, prefix_size, size in STEPS:
        if -((1 << (size - 1)) - 1) <= change <= 1 << (size - 1):
            return prefix << size | change & ((1 << size) - 1), prefix_size + size
    return 0b1111 << 64 | change & ((1 << 64) - 1), 68


def encode_difference(difference: int, window: tuple[int, int]) -> tuple[int, int, tuple[int, int]]:
    """Code, its size and the new window of a value's exclusive or with the one before; `window`: (-1, 0) at first."""
    if difference == 0:
        return 0, 1, window
    leading, trailing = min(64 - difference.bit_length(), MAX_LEADING), (difference & -difference).bit_length() - 1
    if 0 <= window[0] <= leading and window[1] <= trailing:
        size = 64 - window[0] - window[1]
        return 0b10 << size | difference >> window[1], 2 + size, window
    size = 64 - leading - trailing
    head = 0b11 << 11 | leading << 6 | size & 63  # 64 is written as 0
    return head << size | difference >> trailing, 13 + size, (leading, trailing)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1
