"""The samples of a remote write request whose every series ends with one: where they are, their times and values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from traceo.receivers.plain_labels import (
    DOUBLE_FIELD_1,
    LENGTH_FIELD_2,
    TIME_BYTES,
    VARINT_FIELD_2,
    Bytes,
    Places,
    Series,
)
from traceo.receivers.scratch import borrow

SAMPLE_BYTES, ZERO_BYTES = 18, 9  # of a sample; zero is left out
SHORTEST = 20  # a request with one series
# The last bytes of a series, read as a sample with a value, and (`zero_head`) as one whose value is zero.
TAIL = np.dtype({
    "names": ["head", "value", "zero_head", "time"], "formats": ["<u4", "<f8", "<u4", "<u8"],
    "offsets": [0, 3, 9, 10], "itemsize": SAMPLE_BYTES,
})  # fmt: skip
FILLED = b"\xff"  # what samples become: in no text, so that it is certain where labels end
# A sample's first bytes, as a number: its tag, its length, the tag of its value or, where that is zero, of its time.
SAMPLE_HEAD = LENGTH_FIELD_2 | (SAMPLE_BYTES - 2) << 8 | DOUBLE_FIELD_1 << 16
ZERO_HEAD = LENGTH_FIELD_2 | (ZERO_BYTES - 2) << 8 | VARINT_FIELD_2 << 16
# Of the last word of a sample: the bits that say of each byte of the time whether another follows, as they must be.
CONTINUED, CONTINUES = np.uint64(0x808080808080FF00), np.uint64(0x0080808080800000 | VARINT_FIELD_2 << 8)


@dataclass(frozen=True, slots=True)
class Samples:
    """One of each series: the time in milliseconds, the value; and whether that was left out, because it is zero."""

    times: npt.NDArray[np.uint64]
    values: npt.NDArray[np.float64]
    is_zero: npt.NDArray[np.bool_]

    def of(self, which: npt.NDArray[np.bool_]) -> "Samples":
        """Those of some series."""
        return Samples(self.times[which], self.values[which], self.is_zero[which])


def find_ends(encoded: Sequence[bytes]) -> tuple[Places, Places]:
    """Where series end in their request, and the lengths of their messages, if nothing else is in it."""
    lengths = np.fromiter(map(len, encoded), np.intp, len(encoded))
    return np.cumsum(lengths + 2 + (lengths > 0x7F) + (lengths > 0x3FFF)), lengths


def read_samples(data: Bytes, ends: Places) -> Samples | None:
    """None if there is a series that does not end with a sample of a year that one may have."""
    tails = _pieces(data, SAMPLE_BYTES)[ends - SAMPLE_BYTES].view(TAIL)
    is_zero: npt.NDArray[np.bool_] = tails["zero_head"] & 0xFFFFFF == ZERO_HEAD
    times = tails["time"]
    is_sample = (is_zero | (tails["head"] & 0xFFFFFF == SAMPLE_HEAD)) & (times & CONTINUED == CONTINUES)
    if not is_sample.all():
        return None
    return Samples(_read_times(times), np.where(is_zero, 0.0, tails["value"]), is_zero)


def _read_times(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Varints in the upper six bytes. Most requests have few different ones: those of their scrapes."""
    if (words == words[0]).all():
        return np.repeat(_read_varints(words[:1]), len(words))
    return _read_varints(words)


def _read_varints(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    times, groups = np.zeros(len(words), np.uint64), words >> 16
    for place in range(TIME_BYTES):
        times |= (groups >> 8 * place & 0x7F) << 7 * place
    return times


def split(ends: Places, lengths: Places, samples: Samples) -> Series:
    """Where series and their labels are: a guess, until the labels are known."""
    heads = np.append(0, ends[:-1])
    return Series(heads, ends - lengths, ends - np.where(samples.is_zero, ZERO_BYTES, SAMPLE_BYTES))


def fill_samples(body: bytes, series: Series, is_zero: npt.NDArray[np.bool_]) -> memoryview:
    """The request without what changes from one to the next, in borrowed memory (scratch.py)."""
    text = borrow(len(body))
    text[:] = body
    data = np.frombuffer(text, np.uint8)
    for places, width in ((series.samples[~is_zero], SAMPLE_BYTES), (series.samples[is_zero], ZERO_BYTES)):
        _pieces(data, width)[places] = np.void(FILLED * width)
    return text


def _pieces(data: Bytes, size: int) -> npt.NDArray[np.void]:
    """So many bytes from every place on: to pick or to set those of some places at once."""
    return np.ndarray(len(data) - size + 1, f"V{size}", data, strides=(1,))
