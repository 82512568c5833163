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
from traceo.scraping.write import SHORT_TIME, STALE, Template, make_template, time_bytes_of

PIECE_BYTES = 4 << 20
EMPTY = pa.array([], pa.large_binary())

Encode = Callable[[bytes], bytes | None]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Answer:
    """A scrape's samples as remote-write requests. `stored`: after relabelling; `added`: series that were not there."""

    requests: list[bytes]
    stored: int
    added: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """The series of an answer: all texts, their labels (null: dropped) and the labels' 64-bit hashes; what is stored.

    `rows`: of the texts that are stored; `template` has the same order.
    """

    texts: Any
    labels: Any
    ids: Ints
    rows: Ints
    template: Template


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
        self._layout = _make_layout(EMPTY, EMPTY, np.zeros(0, np.int64), None, SHORT_TIME)
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
        requests += self._mark_gone(layout, time_ms)
        self._layout, self._live = layout, live
        return Answer(requests, len(rows), added)

    def labels_of(self, row: int) -> bytes | None:
        """Encoded labels of a row of the last answer; None: dropped."""
        found: bytes | None = self._layout.labels[row].as_py()
        return found

    def fail(self, time_ms: int) -> list[bytes]:
        """Stale markers for all series that the last answer had: the target did not answer."""
        gone = self._live_rows()
        self._live = np.zeros(len(self._live), np.bool_)
        return self._mark(gone, time_ms)

    def _take_over(self, before: "SeriesCache") -> None:
        """The series of a cache with another `encode`: nothing is known of them but that they were there."""
        rows = before._layout.rows
        labels = before._layout.labels.take(pa.array(rows))
        no_texts = pa.array([b""] * len(rows), pa.large_binary())
        self._layout = _make_layout(no_texts, labels, before._layout.ids[rows], None, SHORT_TIME)
        self._live = before._live

    def _lay_out(self, samples: Samples, times: Any) -> tuple[_Layout, int]:
        """The layout for an answer, and how many of its series are stored and were not before."""
        old = self._layout
        width = SHORT_TIME if times is None else time_bytes_of(times)
        if samples.series.equals(old.texts) and width == old.template.time_bytes:
            return old, 0
        labels, ids = self._find_labels(samples.series)
        layout = _make_layout(samples.series, labels, ids, times, width)
        return layout, int(np.count_nonzero(~_is_in(ids[layout.rows], old.ids[old.rows])))

    def _find_labels(self, texts: Any) -> tuple[Any, Ints]:
        """Labels and hashes of texts; those that are new are encoded."""
        old = self._layout
        places = np.asarray(pc.index_in(texts, value_set=old.texts).fill_null(-1)).astype(np.int64)
        is_new = places < 0
        if not is_new.any():
            return old.labels.take(pa.array(places)), old.ids[places]
        unknown = texts.filter(pa.array(is_new)).dictionary_encode()
        encoded = [self._encode(text.as_py()) for text in unknown.dictionary]
        ids = np.concatenate([old.ids, np.fromiter(map(hash, encoded), np.int64, len(encoded))])
        labels = pa.concat_arrays([old.labels, pa.array(encoded, pa.large_binary())])
        places[is_new] = np.asarray(unknown.indices).astype(np.int64) + len(old.ids)
        return labels.take(pa.array(places)), ids[places]

    def _mark_gone(self, layout: _Layout, time_ms: int) -> list[bytes]:
        """For series that were tracked and are not in the new layout."""
        if layout is self._layout:
            return []
        before = self._live_rows()
        return self._mark(before[~_is_in(self._layout.ids[before], layout.ids[layout.rows])], time_ms)

    def _live_rows(self) -> Ints:
        return self._layout.rows[self._live]

    def _mark(self, rows: Ints, time_ms: int) -> list[bytes]:
        if not len(rows):
            return []
        template = make_template(self._layout.labels.take(pa.array(rows)))
        return template.fill(np.full(len(rows), STALE), time_ms, PIECE_BYTES)


class TooManySamples(Exception):
    """An answer has more samples than `sample_limit`."""

    def __init__(self, count: int, limit: int) -> None:
        super().__init__(f"sample_limit exceeded: {count} samples, limit {limit}")
        self.count = count


def _is_in(numbers: Ints, others: Ints) -> Flags:
    """Which numbers are among others: by sorting, which takes a tenth of the time of numpy's own `isin`."""
    if not len(others):
        return np.zeros(len(numbers), np.bool_)
    ordered = np.sort(others)
    places = np.minimum(np.searchsorted(ordered, numbers), len(ordered) - 1)
    return np.asarray(ordered[places] == numbers)


def _make_layout(texts: Any, labels: Any, ids: Ints, times: Ints | None, time_bytes: int) -> _Layout:
    """Of rows with the same labels and the same time, the first is stored, as Prometheus does."""
    rows = np.flatnonzero(np.asarray(labels.is_valid()))
    ordered = np.sort(ids[rows])
    if (ordered[1:] == ordered[:-1]).any():
        keys = np.column_stack([ids[rows], np.zeros(len(rows), np.int64) if times is None else times[rows]])
        _, first = np.unique(keys, axis=0, return_index=True)
        rows = rows[np.sort(first)]
    return _Layout(texts, labels, ids, rows, make_template(labels.take(pa.array(rows)), time_bytes))
