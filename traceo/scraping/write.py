"""Remote-write 1.0 messages (`prometheus.WriteRequest`), written byte by byte: the few fields that a scraper needs.

Requests are lists of messages one behind the other, so that parts of a request can be made apart and joined.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from traceo.store.messages import encode_varint

STALE = np.array([0x7FF0000000000002], np.uint64).view(np.float64)[0]
METRIC_TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
VALUE_BYTES, SHORT_TIME, LONG_TIME = 8, 6, 10
ONE = [bytes([number]) for number in range(0x80)]  # varints of one byte
SHORT_TIME_END = 1 << 42  # milliseconds; the year 2109

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


def field(number: int, content: bytes) -> bytes:
    """A field of bytes, a text or a message."""
    return encode_varint(number << 3 | 2) + encode_varint(len(content)) + content


@lru_cache(maxsize=4096)
def _encode_label(label: tuple[str, str]) -> bytes:
    """Most labels of a target are those of its other series too."""
    name, value = label[0].encode(), label[1].encode()
    size = len(name) + len(value) + 4
    if size > 0x7F:
        return field(1, field(1, name) + field(2, value))
    return b"".join((b"\x0a", ONE[size], b"\x0a", ONE[len(name)], name, b"\x12", ONE[len(value)], value))


def encode_labels(labels: Iterable[tuple[str, str]]) -> bytes:
    """The labels of a TimeSeries, sorted by name as the specification wants them."""
    return b"".join(map(_encode_label, sorted(labels)))


def encode_sample(labels: bytes, value: float, time_ms: int) -> bytes:
    """A TimeSeries of one sample."""
    sample = b"\x09" + struct.pack("<d", value) + b"\x10" + encode_varint(time_ms & (1 << 64) - 1)
    return field(1, labels + field(2, sample))


def encode_exemplar(labels: bytes, exemplar_labels: bytes, value: float, time_ms: int) -> bytes:
    """A TimeSeries of one exemplar."""
    content = exemplar_labels + b"\x11" + struct.pack("<d", value) + b"\x18" + encode_varint(time_ms & (1 << 64) - 1)
    return field(1, labels + field(3, content))


def encode_metadata(family: str, kind: str, text: str, unit: str) -> bytes:
    """A MetricMetadata; `kind` is one of METRIC_TYPES."""
    content = b"\x08" + encode_varint(METRIC_TYPES.index(kind)) + field(2, family.encode()) + field(4, text.encode())
    return field(3, content + (field(5, unit.encode()) if unit else b""))


@dataclass(frozen=True, slots=True)
class Template:
    """A request with one sample for each of some series, whose values and times are still to be put in."""

    data: Bytes
    ends: Ints
    time_bytes: int

    def fill(self, values: Floats, times_ms: Ints | int, piece_bytes: int) -> list[bytes]:
        """Requests of about `piece_bytes` each. `times_ms`: one for all, or one for each."""
        data, width = self.data.copy(), self.time_bytes
        at = self.ends - (VALUE_BYTES + 1 + width)
        for index, column in enumerate(np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, VALUE_BYTES).T):
            data[at + index] = column
        bits = np.asarray(times_ms, np.int64).astype(np.uint64)
        for index in range(width):
            more = np.uint64(0x80 if index < width - 1 else 0)
            data[self.ends - width + index] = bits >> np.uint64(7 * index) & np.uint64(0x7F) | more
        return [data[start:end].tobytes() for start, end in self._pieces(piece_bytes)]

    def _pieces(self, piece_bytes: int) -> Iterable[tuple[int, int]]:
        start, total = 0, len(self.data)
        while start < total:
            last = max(int(np.searchsorted(self.ends, start + piece_bytes, "right")) - 1, 0)
            end = int(self.ends[last]) if self.ends[last] > start else int(self.ends[last + 1])
            yield start, end
            start = end


def make_template(labels: Any, time_bytes: int = SHORT_TIME) -> Template:
    """From a pa.LargeBinaryArray of encoded labels, none of them null."""
    sample_bytes = 1 + VALUE_BYTES + 1 + time_bytes
    tail = b"\x12" + encode_varint(sample_bytes) + b"\x09" + bytes(VALUE_BYTES) + b"\x10" + bytes(time_bytes)
    sizes, which = np.unique(np.asarray(pc.binary_length(labels)), return_inverse=True)
    heads = pa.array([b"\x0a" + encode_varint(int(size) + len(tail)) for size in sizes], pa.large_binary())
    tails, separator = pa.scalar(tail, pa.large_binary()), pa.scalar(b"", pa.large_binary())
    joined = pc.binary_join_element_wise(heads.take(pa.array(which)), labels, tails, separator)
    offsets = np.frombuffer(joined.buffers()[1], np.int64)[joined.offset : joined.offset + len(joined) + 1]
    data = np.frombuffer(joined.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    return Template(data, offsets[1:] - offsets[0], time_bytes)


def time_bytes_of(times_ms: Ints | int) -> int:
    """How many bytes a time takes in a template: 6 for those of our age."""
    times = np.atleast_1d(times_ms)
    return SHORT_TIME if not len(times) or (times.min() >= 0 and times.max() < SHORT_TIME_END) else LONG_TIME


def join_pieces(pieces: Sequence[bytes], extra: bytes) -> list[bytes]:
    """`extra` goes with the last piece."""
    return [*pieces[:-1], pieces[-1] + extra] if pieces else [extra] if extra else []
