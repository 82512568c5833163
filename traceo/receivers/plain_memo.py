"""What is known of a tenant's series: the ids of those whose labels are stored, by hashes of the labels.

A whole request is known at once where its sender cuts its requests as before; otherwise rows of series are, and single
series before the first row and behind the last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from traceo.receivers.plain_labels import WORD, Bytes, Places, Series, words_at
from traceo.receivers.plain_samples import Samples, fill_samples, read_samples
from traceo.store.series_ids import city_hash

ID_BYTES = 8
# A row begins where a number of 64 bits, made of two words of a series' labels, is below this: after 16 series or so.
MIXING, ROW_BEGINS = np.uint64(0x9E3779B97F4A7C15), np.uint64(1 << 60)
SAME_SIZE = 64  # so many requests of one size are kept
Text = TypeVar("Text", bytes, memoryview)


@dataclass(frozen=True, slots=True)
class Rows:
    """Hashes of the labels of a request: of some series at its beginning and its end, of rows of them in between.

    `firsts`: with which series each row begins, and where the last one ends. `text_hash`: of the request without its
    samples.
    """

    before: list[int]
    rows: list[int]
    after: list[int]
    firsts: Places
    text_hash: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """A request as it came before: its first labels, where its series are, a hash of it without samples, its ids."""

    start: bytes
    ends: Places
    series: Series
    is_zero: npt.NDArray[np.bool_]
    text_hash: int
    ids: bytes


@dataclass(slots=True)
class Memo:
    """Of one tenant, `since` some quarter of an hour. Threads may share it."""

    since: int
    ids: dict[int, bytes] = field(default_factory=dict)
    _rows: dict[int, bytes] = field(default_factory=dict)
    _layouts: dict[int, list[_Layout]] = field(default_factory=dict)
    _laid_out: int = 0

    def read_known(self, body: bytes, data: Bytes) -> tuple[bytes, Samples] | None:
        """Ids and samples of a request that is laid out like one before."""
        for layout in self._layouts.get(len(body), ()):
            if body.startswith(layout.start) and (samples := read_samples(data, layout.ends)):
                same = np.array_equal(samples.is_zero, layout.is_zero)
                if same and city_hash(fill_samples(body, layout.series, layout.is_zero)) == layout.text_hash:
                    return layout.ids, samples
        return None

    def ids_of(self, found: Rows, count: int) -> bytes | None:
        """The ids of so many series; None if a row is not known."""
        ids = [*map(self.ids.get, found.before), *map(self._rows.get, found.rows), *map(self.ids.get, found.after)]
        text = b"".join(one for one in ids if one is not None)
        return text if len(text) == count * ID_BYTES else None

    def remember_rows(self, found: Rows, ids: bytes) -> None:
        """A row has other bytes when a value becomes zero: in the worst case, each time."""
        if len(self._rows) > len(self.ids):
            self._rows.clear()
        at = found.firsts * ID_BYTES
        self._rows.update(zip(found.rows, slices(ids, at[:-1], at[1:]), strict=True))

    def remember_layout(
        self, body: bytes, ends: Places, series: Series, samples: Samples, found: Rows, ids: bytes
    ) -> None:
        """Those of a sender that cuts its requests differently each time are thrown away before they are too many."""
        if self._laid_out > 2 * len(self.ids):
            self._layouts, self._laid_out = {}, 0
        layout = _Layout(body[: series.samples[0]], ends, series, samples.is_zero, found.text_hash, ids)
        self._layouts[len(body)] = [layout, *self._layouts.get(len(body), ())][:SAME_SIZE]
        self._laid_out += len(ends)


def hash_rows(body: bytes, series: Series, samples: Samples) -> Rows:
    """Where a row begins is up to its first series, so that rows are the same in whichever request they come."""
    text = fill_samples(body, series, samples.is_zero)
    begins = np.flatnonzero(_mix(body, series) < ROW_BEGINS)
    if len(begins) < 2:
        return Rows(hash_texts(slices(body, series.firsts, series.samples)), [], [], begins, city_hash(text))
    heads, first, last = series.heads[begins], begins[0], begins[-1]
    return Rows(
        hash_texts(slices(body, series.firsts[:first], series.samples[:first])),
        hash_texts(slices(text, heads[:-1], heads[1:])),
        hash_texts(slices(body, series.firsts[last:], series.samples[last:])),
        begins,
        city_hash(text),
    )


def slices(text: Text, starts: Places, ends: Places) -> list[Text]:
    """Pieces of a text."""
    piece: Callable[[slice], Text] = text.__getitem__
    return list(map(piece, map(slice, starts.tolist(), ends.tolist())))


def hash_texts(texts: list[bytes] | list[memoryview]) -> list[int]:
    """Their hashes."""
    return [*map(city_hash, texts)]


def _mix(body: bytes, series: Series) -> npt.NDArray[np.uint64]:
    """A number for each series, from the words in the middle and at the end of its labels."""
    data = np.frombuffer(body, np.uint8)
    mixed = words_at(data, series.samples - WORD) * MIXING
    mixed ^= words_at(data, (series.firsts + series.samples) >> 1)
    found: npt.NDArray[np.uint64] = (mixed ^ mixed >> np.uint64(32)) * MIXING
    return found
