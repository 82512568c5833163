"""Finds out whether a remote write 1.0 request is as plain as nearly all are, and reads it with numpy if it is.

Plain: every series has labels that need no judgement (each with a name and a value, in strict order of the names, one
of them `__name__`, all UTF-8) and then one sample, and nothing else. Such a request will be stored whole, so that it
may be answered before the engine has seen it, and the engine need not take its messages apart. Labels that were judged
before are known by their hash: those of some series in a row by one, because senders keep their order. New ones are
found by their pattern, not one by one: that heads of series, labels and samples lie end to end proves that they are
what they look like.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from traceo.config import Limits
from traceo.store.messages import encode_varint, make_messages

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]
# Tags of protobuf: series in a request, label in a series, name in a label; a label's value, sample in a series; a
# sample's value; its time.
LENGTH_FIELD_1, LENGTH_FIELD_2, DOUBLE_FIELD_1, VARINT_FIELD_2 = 0x0A, 0x12, 0x09, 0x10
METRIC_NAME = b"__name__"
WORD = 8
TIME_BYTES = 6  # a varint of milliseconds between 1971 and 2109
SAMPLE_BYTES, ZERO_BYTES = 18, 9  # of a sample; zero is left out
PADDING = bytes(512)  # so that reading past the end, where something only looks like a label, reads something
SHORTEST = 20  # a request with one series
MAX_KNOWN = 2_000_000  # hashes, of about 100 bytes
# The last bytes of a series, read as a sample with a value, and (`zero_head`) as one whose value is zero.
TAIL = np.dtype({
    "names": ["head", "value", "zero_head", "time"], "formats": ["<u4", "<f8", "<u4", "<u8"],
    "offsets": [0, 3, 9, 10], "itemsize": SAMPLE_BYTES,
})  # fmt: skip
FILLED = b"\xff"  # what samples become in a row of series: in no text, so that it is certain where labels end
# A row begins where a number of 64 bits, made of two words of a series' labels, is below this: after 16 series or so.
MIXING, ROW_BEGINS = np.uint64(0x9E3779B97F4A7C15), np.uint64(1 << 60)
# A sample's first bytes, as a number: its tag, its length, the tag of its value or, where that is zero, of its time.
SAMPLE_HEAD = LENGTH_FIELD_2 | (SAMPLE_BYTES - 2) << 8 | DOUBLE_FIELD_1 << 16
ZERO_HEAD = LENGTH_FIELD_2 | (ZERO_BYTES - 2) << 8 | VARINT_FIELD_2 << 16
# Of the last word of a sample: the bits that say of each byte of the time whether another follows, as they must be.
CONTINUED, CONTINUES = 0x8080808080800000, 0x0080808080800000
# A word of which only so many bytes belong to a name.
MASKS = np.array([(1 << 64) - (1 << 8 * (WORD - size)) for size in range(WORD + 1)], np.uint64)


MESSAGE = make_messages("message Request { repeated bytes series = 1; }")["Request"]


@dataclass(frozen=True, slots=True)
class _Series:
    """Every series of a request: where it begins, where its labels do, and where they end and its sample begins."""

    heads: Places
    firsts: Places
    samples: Places


@dataclass(frozen=True, slots=True)
class _Labels:
    """Every label of a request, in order: where it begins and ends, where its name stands, and the name's length."""

    starts: Places
    ends: Places
    names: Places
    name_bytes: Places


class PlainReader:
    """Reads plain requests; remembers whose labels it has judged. Threads may share it."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._known: set[int] = set()

    def read(self, body: bytes) -> bytes | None:
        """The body of `wire/plain_write.proto`, or None for a request that the engine has to look at."""
        try:
            encoded = MESSAGE.FromString(body).series
        except DecodeError:
            return None
        data = np.frombuffer(body, np.uint8)
        series = _split_tails(data, encoded)
        if series is None:
            return None
        if not self._known.issuperset(_hash_rows(body, series)):
            if not self._known.issuperset(_hash_labels(body, series)):
                series = _judge(np.frombuffer(body + PADDING, np.uint8), len(body), self._limits)
            if series is None:
                return None
            self._remember(body, series)
        return body + _read_columns(data, series)

    def _remember(self, body: bytes, series: _Series) -> None:
        if len(self._known) > MAX_KNOWN:
            self._known.clear()
        self._known.update(_hash_rows(body, series), _hash_labels(body, series))


def _split_tails(data: Bytes, encoded: Sequence[bytes]) -> _Series | None:
    """Where labels and samples are, if each series ends with a sample: a guess, until its labels are known."""
    lengths = np.fromiter(map(len, encoded), np.intp, len(encoded))
    ends = np.cumsum(lengths + 2 + (lengths > 0x7F) + (lengths > 0x3FFF))
    if len(data) < SHORTEST or not encoded or ends[-1] != len(data) or lengths.min() < SAMPLE_BYTES:
        return None
    tails = _read_tails(data, ends)
    is_zero = tails["zero_head"] & 0xFFFFFF == ZERO_HEAD
    is_other = tails["head"] & 0xFFFFFF == SAMPLE_HEAD
    times = tails["time"]
    is_sample = (is_zero | is_other) & (times & 0xFF00 == VARINT_FIELD_2 << 8) & (times & CONTINUED == CONTINUES)
    if not is_sample.all():
        return None
    heads = np.append(0, ends[:-1])
    return _Series(heads, ends - lengths, ends - np.where(is_zero, ZERO_BYTES, SAMPLE_BYTES))


def _read_tails(data: Bytes, ends: Places) -> npt.NDArray[np.void]:
    """The last bytes of each series, as TAIL."""
    return _pieces(data, SAMPLE_BYTES)[ends - SAMPLE_BYTES].view(TAIL)


def _pieces(data: Bytes, size: int) -> npt.NDArray[np.void]:
    """So many bytes from every place on: to pick or to set those of some places at once."""
    return np.ndarray(len(data) - size + 1, f"V{size}", data, strides=(1,))


def _hash_labels(body: bytes, series: _Series) -> Iterator[int]:
    return _hash_slices(body, series.firsts, series.samples)


def _hash_slices(text: bytes, starts: Places, ends: Places) -> Iterator[int]:
    return map(hash, map(text.__getitem__, map(slice, starts.tolist(), ends.tolist())))


def _hash_rows(body: bytes, series: _Series) -> Iterator[int]:
    """Of each row of series all at once, without their samples; of those before the first and in the last one by one.

    Where a row begins is up to its first series, so that rows are the same in whichever request they come.
    """
    begins = np.flatnonzero(_mix(body, series) < ROW_BEGINS)
    if len(begins) < 2:
        return _hash_labels(body, series)
    rows = series.heads[begins]
    alone = np.r_[: begins[0], begins[-1] : len(series.heads)]
    filled = _fill_samples(body, series)
    return chain(
        _hash_slices(filled, rows[:-1], rows[1:]), _hash_slices(body, series.firsts[alone], series.samples[alone])
    )


def _mix(body: bytes, series: _Series) -> npt.NDArray[np.uint64]:
    """A number for each series, from the words in the middle and at the end of its labels."""
    data = np.frombuffer(body, np.uint8)
    mixed = _words(data, series.samples - WORD) * MIXING
    mixed ^= _words(data, (series.firsts + series.samples) >> 1)
    found: npt.NDArray[np.uint64] = (mixed ^ mixed >> np.uint64(32)) * MIXING
    return found


def _fill_samples(body: bytes, series: _Series) -> bytes:
    """The request without what changes from one to the next."""
    data = np.frombuffer(bytearray(body), np.uint8)
    ends = np.append(series.heads[1:], len(data))
    is_zero = ends - series.samples == ZERO_BYTES
    for places, size in ((series.samples[~is_zero], SAMPLE_BYTES), (series.samples[is_zero], ZERO_BYTES)):
        _pieces(data, size)[places] = np.void(FILLED * size)
    return data.tobytes()


def _read_columns(data: Bytes, series: _Series) -> bytes:
    """Fields 2 to 4 of the message."""
    samples = series.samples
    ends = np.append(series.heads[1:], len(data))
    tails = _read_tails(data, ends)
    values = np.where(ends - samples == ZERO_BYTES, 0.0, tails["value"])
    times, groups = np.zeros(len(ends), np.uint64), tails["time"] >> 16
    for place in range(TIME_BYTES):
        times |= (groups >> 8 * place & 0x7F) << 7 * place
    columns = ((b"\x12", times), (b"\x1a", values), (b"\x22", (samples - series.firsts).astype("<u4")))
    return b"".join(part for tag, column in columns for part in (tag, encode_varint(column.nbytes), column.tobytes()))


def _judge(data: Bytes, size: int, limits: Limits) -> _Series | None:
    """Where labels and samples are, if the request is plain, and its labels are within the limits."""
    labels = _find_labels(data, size)
    if labels is None:
        return None
    is_last = np.append(labels.ends[:-1] != labels.starts[1:], True)  # of its series
    firsts, samples = labels.starts[np.append(True, is_last[:-1])], labels.ends[is_last]
    heads = _follow(data, firsts, samples, size)
    if heads is None:
        return None
    series = _Series(heads, firsts, samples)
    if (
        not _are_within(labels, is_last, limits)
        or not _are_names_in_order(data, labels, is_last)
        or not _is_utf8(data, labels, series, size)
    ):
        return None
    return series


def _are_within(labels: _Labels, is_last: npt.NDArray[np.bool_], limits: Limits) -> bool:
    """Whether all is within the limits; a value so close to them that its header counts is left to the engine."""
    last = np.flatnonzero(is_last)
    value_bytes = labels.ends - labels.names - labels.name_bytes
    return bool(
        np.diff(last, prepend=-1).max() <= limits.max_labels
        and labels.name_bytes.max() <= limits.max_label_name
        and value_bytes.max() <= limits.max_label_value
    )


def _find_labels(data: Bytes, size: int) -> _Labels | None:
    """Everything that looks like a label with a name and a value, neither empty."""
    is_tag = data[: size + 1] == LENGTH_FIELD_1
    starts = np.flatnonzero(is_tag[:-3] & (is_tag[2:-1] | is_tag[3:]))
    lengths, width = _read_lengths(data, starts + 1)
    inner = starts + 1 + width
    ends = inner + lengths
    name_bytes = data[inner + 1].astype(np.intp)
    value_tags = inner + 2 + name_bytes
    value_bytes, value_width = _read_lengths(data, np.minimum(value_tags + 1, size))
    fits = (value_tags + 1 + value_width + value_bytes == ends) & (ends < size)
    fits &= (data[np.minimum(value_tags, size)] == LENGTH_FIELD_2) & (value_bytes > 0)
    fits &= (data[inner] == LENGTH_FIELD_1) & (name_bytes > 0) & (name_bytes < 0x80) & (data[inner + 2] > ord(" "))
    if not fits.any():
        return None
    return _Labels(starts[fits], ends[fits], inner[fits] + 2, name_bytes[fits])


def _read_lengths(data: Bytes, at: Places) -> tuple[Places, Places]:
    """Varints of one or two bytes, and how many they have. Three bytes are read as two: nothing will fit then."""
    first, second = data[at].astype(np.intp), data[at + 1].astype(np.intp)
    is_long = first >= 0x80
    return np.where(is_long, (first & 0x7F) | second << 7, first), 1 + is_long


def _follow(data: Bytes, firsts: Places, samples: Places, size: int) -> Places | None:
    """Where series begin, if heads, labels and samples fill the request without a gap; else None."""
    value_bytes = data[samples + 1].astype(np.intp) - (1 + TIME_BYTES)  # with its tag: 9, or 0
    time_tags = samples + 2 + value_bytes
    series_ends = time_tags + 1 + TIME_BYTES
    heads = np.append(0, series_ends[:-1])
    if series_ends[-1] != size or (firsts <= heads).any():
        return None
    is_sample = data[samples] == LENGTH_FIELD_2
    is_sample &= (value_bytes == 0) | ((value_bytes == 9) & (data[samples + 2] == DOUBLE_FIELD_1))
    times = _gather(data, time_tags + 1, TIME_BYTES)
    is_sample &= (data[time_tags] == VARINT_FIELD_2) & (times[:, :-1] >= 0x80).all(axis=1)
    is_sample &= (times[:, -1] < 0x80) & (times[:, -1] > 0)
    lengths, width = _read_lengths(data, heads + 1)
    is_head = (data[heads] == LENGTH_FIELD_1) & (heads + 1 + width == firsts) & (firsts + lengths == series_ends)
    return heads if (is_sample & is_head).all() else None


def _are_names_in_order(data: Bytes, labels: _Labels, is_last: npt.NDArray[np.bool_]) -> bool:
    """Whether each series has its names in strict order, and `__name__` among them.

    Names are compared by words of eight bytes.
    """
    words = _name_words(data, labels.names, labels.name_bytes)
    is_metric_name = (words == int.from_bytes(METRIC_NAME, "big")) & (labels.name_bytes == len(METRIC_NAME))
    if np.count_nonzero(is_metric_name) != np.count_nonzero(is_last):
        return False
    before = np.flatnonzero(~is_last)
    left, right = words[before], words[before + 1]
    for skipped in range(WORD, 0x80 + WORD, WORD):
        if (left > right).any():
            return False
        before = before[left == right]
        if not before.size:
            return True
        if (np.minimum(labels.name_bytes[before], labels.name_bytes[before + 1]) < skipped).any():
            return False
        left, right = (
            _name_words(data, labels.names[places] + skipped, labels.name_bytes[places] - skipped)
            for places in (before, before + 1)
        )
    return False


def _name_words(data: Bytes, at: Places, name_bytes: Places) -> npt.NDArray[np.uint64]:
    """Eight bytes of each name, as numbers that sort as they do; zeros stand for what is behind its end."""
    return _words(data, at).byteswap() & MASKS[np.clip(name_bytes, 0, WORD)]


def _words(data: Bytes, at: Places) -> npt.NDArray[np.uint64]:
    """Eight bytes from each place, as numbers whose lowest byte comes first."""
    found: npt.NDArray[np.uint64] = np.ndarray(len(data) - WORD + 1, "<u8", data, strides=(1,))[at]
    return found


def _is_utf8(data: Bytes, labels: _Labels, series: _Series, size: int) -> bool:
    """Whether texts are; lengths and samples, which are no texts, become zeros before they are looked at."""
    texts = data[:size].copy()
    texts[labels.starts + 1] = 0
    texts[labels.names + labels.name_bytes + 1] = 0
    texts[series.heads[:, None] + np.arange(3)] = 0
    texts[series.samples[:, None] + np.arange(9)] = 0
    texts[np.append(series.heads[1:], size)[:, None] - np.arange(1, 10)] = 0
    if not (texts >= 0x80).any():
        return True
    try:
        texts.tobytes().decode()
    except UnicodeDecodeError:
        return False
    return True


def _gather(data: Bytes, at: Places, width: int) -> Bytes:
    """So many bytes from each place."""
    found: Bytes = data[at[:, None] + np.arange(width)]
    return found
