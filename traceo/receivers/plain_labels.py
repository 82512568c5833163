"""Whether the labels of a remote write request need no judgement, found by numpy from their pattern, not one by one.

That heads of series, labels and samples lie end to end proves that they are what they look like.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from traceo.config import Limits

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]
# Tags of protobuf: series in a request, label in a series, name in a label; a label's value, sample in a series; a
# sample's value; its time.
LENGTH_FIELD_1, LENGTH_FIELD_2, DOUBLE_FIELD_1, VARINT_FIELD_2 = 0x0A, 0x12, 0x09, 0x10
METRIC_NAME = b"__name__"
WORD = 8
TIME_BYTES = 6  # a varint of milliseconds between 1971 and 2109
PADDING = bytes(512)  # so that reading past the end, where something only looks like a label, reads something
# A word of which only so many bytes belong to a name.
MASKS = np.array([(1 << 64) - (1 << 8 * (WORD - size)) for size in range(WORD + 1)], np.uint64)


@dataclass(frozen=True, slots=True)
class Series:
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


def judge(body: bytes, limits: Limits) -> Series | None:
    """Where labels and samples are, if the request is plain, and its labels are within the limits."""
    data, size = np.frombuffer(body + PADDING, np.uint8), len(body)
    labels = _find_labels(data, size)
    if labels is None:
        return None
    is_last = np.append(labels.ends[:-1] != labels.starts[1:], True)  # of its series
    firsts, samples = labels.starts[np.append(True, is_last[:-1])], labels.ends[is_last]
    heads = _follow(data, firsts, samples, size)
    if heads is None:
        return None
    series = Series(heads, firsts, samples)
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
    return words_at(data, at).byteswap() & MASKS[np.clip(name_bytes, 0, WORD)]


def words_at(data: Bytes, at: Places) -> npt.NDArray[np.uint64]:
    """Eight bytes from each place, as numbers whose lowest byte comes first."""
    found: npt.NDArray[np.uint64] = np.ndarray(len(data) - WORD + 1, "<u8", data, strides=(1,))[at]
    return found


def _is_utf8(data: Bytes, labels: _Labels, series: Series, size: int) -> bool:
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
