"""What one target exposed last, so that a scrape that brings the same series again costs a comparison.

Series texts and their encoded labels lie in Arrow arrays, in the order of the last answer. While an answer has the same
texts in the same order, its values are put into a ready-made request. Otherwise known texts are found by hash join, and
only new ones are parsed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from traceo.scraping.exposition import Samples
from traceo.scraping.write import STALE, Template, make_template, time_bytes_of

PIECE_BYTES = 4 << 20
EMPTY = pa.array([], pa.large_binary())

Encode = Callable[[bytes], bytes | None]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Answer:
    """A scrape's samples as remote-write requests. `stored`: after relabelling; `added`: series that were not there."""

    requests: list[bytes]
    stored: int
    added: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """The series of an answer: all texts, their labels (null: dropped), and the rows that are stored."""

    texts: Any
    labels: Any
    rows: npt.NDArray[np.int64]
    template: Template

    @property
    def stored(self) -> Any:
        """The labels of `rows`."""
        return self.labels.take(pa.array(self.rows))


class SeriesCache:
    """One target's. Not safe for threads: one scrape at a time. `encode` is asked once for each new series text.

    `sample_limit`: an answer with more samples to store raises TooManySamples; 0: no limit. `track_timed`: series with
    timestamps of their own get stale markers too. `before`: a cache whose series this one goes on with.
    """

    def __init__(
        self, encode: Encode, sample_limit: int = 0, *, track_timed: bool = False, before: "SeriesCache | None" = None
    ) -> None:
        self._encode = encode
        self._sample_limit = sample_limit
        self._track_timed = track_timed
        self._layout = _make_layout(EMPTY, EMPTY, None, 6)
        self._live = np.zeros(0, np.bool_)  # by row of the layout: will get a stale marker when it is gone
        if before:
            self._take_over(before)

    def take(self, samples: Samples, time_ms: int, honor_timestamps: bool, others: int = 0) -> Answer:
        """The requests for an answer, with stale markers for what is gone. An exception changes nothing.

        `others`: samples of the answer that are not for this cache, but count for the limit.
        """
        times, timed = (samples.times_ms, samples.timed) if honor_timestamps else (None, None)
        layout, added = self._lay_out(samples, times)
        rows = layout.rows
        if self._sample_limit and len(rows) + others > self._sample_limit:
            raise TooManySamples(len(rows) + others, self._sample_limit)
        if times is None or timed is None:
            requests = layout.template.fill(samples.values[rows], time_ms, PIECE_BYTES)
            live = np.ones(len(rows), np.bool_)
        else:
            own_times = np.where(timed, times, time_ms)[rows]
            requests = layout.template.fill(samples.values[rows], own_times, PIECE_BYTES)
            live = np.full(len(rows), True) if self._track_timed else ~timed[rows]
        requests += self._mark_gone(layout, live, time_ms)
        self._layout, self._live = layout, live
        return Answer(requests, len(rows), added)

    def labels_of(self, row: int) -> bytes | None:
        """Encoded labels of a row of the last answer; None: dropped."""
        found: bytes | None = self._layout.labels[row].as_py()
        return found

    def fail(self, time_ms: int) -> list[bytes]:
        """Stale markers for all series that the last answer had: the target did not answer."""
        gone = self._layout.stored.filter(pa.array(self._live))
        self._live = np.zeros(len(self._live), np.bool_)
        return _stale(gone, time_ms)

    def _take_over(self, before: "SeriesCache") -> None:
        """The series of a cache with another `encode`: nothing is known of them but that they were there."""
        stored = before._layout.stored
        self._layout = _make_layout(pa.array([b""] * len(stored), pa.large_binary()), stored, None, 6)
        self._live = before._live

    def _lay_out(self, samples: Samples, times: Any) -> tuple[_Layout, int]:
        old = self._layout
        width = 6 if times is None else time_bytes_of(times)
        if samples.series.equals(old.texts) and width == old.template.time_bytes:
            return old, 0
        labels = self._find_labels(samples.series)
        layout = _make_layout(samples.series, labels, times, width)
        known = pc.sum(pc.is_in(layout.stored, value_set=old.stored)).as_py() or 0
        return layout, len(layout.rows) - known

    def _find_labels(self, texts: Any) -> Any:
        old = self._layout
        places = pc.index_in(texts, value_set=old.texts)
        missing = pc.unique(texts.filter(pc.is_null(places)))
        if not len(missing):
            return old.labels.take(places)
        fresh = pa.array([self._encode(text.as_py()) for text in missing], pa.large_binary())
        all_texts = pa.concat_arrays([old.texts, missing])
        return pa.concat_arrays([old.labels, fresh]).take(pc.index_in(texts, value_set=all_texts))

    def _mark_gone(self, layout: _Layout, live: Flags, time_ms: int) -> list[bytes]:
        """For series that were tracked and are not in the new layout."""
        if layout is self._layout and bool(live.all()):
            return []
        before = self._layout.stored.filter(pa.array(self._live))
        return _stale(before.filter(pc.invert(pc.is_in(before, value_set=layout.stored))), time_ms)


class TooManySamples(Exception):
    """An answer has more samples than `sample_limit`."""

    def __init__(self, count: int, limit: int) -> None:
        super().__init__(f"sample_limit exceeded: {count} samples, limit {limit}")
        self.count = count


def _stale(labels: Any, time_ms: int) -> list[bytes]:
    if not len(labels):
        return []
    return make_template(labels).fill(np.full(len(labels), STALE), time_ms, PIECE_BYTES)


def _make_layout(texts: Any, labels: Any, times: Any, time_bytes: int) -> _Layout:
    """Of rows with the same labels and the same time, the first is stored, as Prometheus does."""
    kept = np.flatnonzero(np.asarray(labels.is_valid()))
    stored = labels.take(pa.array(kept))
    same = np.asarray(pc.dictionary_encode(stored).indices)
    keys = np.column_stack([same, np.zeros(len(kept), np.int64) if times is None else times[kept]])
    if len(kept) and int(same.max()) + 1 < len(kept):
        _, first = np.unique(keys, axis=0, return_index=True)
        kept = kept[np.sort(first)]
        stored = labels.take(pa.array(kept))
    return _Layout(texts, labels, kept, make_template(stored, time_bytes))
