"""Points of one table as flat columns, and how those of several become one run of points for each series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from traceo.query.promql.histogram import Hint, Histogram, Side, is_reset
from traceo.query.promql.values import Bools, Floats, Ints, Labels, Objects, Points

STALE_BITS = 0x7FF0000000000002
MS = 1_000_000
Ids = npt.NDArray[Any]  # of unsigned integers


@dataclass(frozen=True, slots=True)
class Flat:
    """Points of one table: of series `owners`, numbered by ascending id; sorted by it and by time."""

    owners: Ints
    times: Ints
    values: Floats
    stale: Bools
    histograms: Objects | None = None


def flat_floats(table: pa.Table, ids: Ids) -> Flat:
    """Of `fetch.FLOATS` and of `fetch.STORED_FLOATS_OF_FEW`; not yet in order, see `settle`."""
    if "v" in table.column_names:
        found = table["v"].to_numpy()
    else:
        whole = table["whole"].to_numpy()
        found = np.where(whole == 0, table["fractional"].to_numpy(), whole)
    bits = found.view(np.int64)
    values = np.where(table["flags"].to_numpy() % 2 == 1, STALE_BITS, bits).view(np.float64)
    times = table["t"].cast(pa.int64()).to_numpy() // MS
    return Flat(_owners(table["owner"].to_numpy(), ids), times, values, values.view(np.int64) == STALE_BITS)


def flat_slim_floats(table: pa.Table, short: Ids, base: int) -> Flat:
    """Of `fetch.SLIM_FLOATS`: lower halves of ids, which MUST differ, and times since `base`, in ms."""
    values = table["v"].to_numpy()
    owners = _owners(table["owner"].to_numpy(), short)
    return Flat(owners, table["t"].to_numpy().astype(np.int64) + base, values, values.view(np.int64) == STALE_BITS)


def flat_histograms(table: pa.Table, ids: Ids) -> Flat:
    """Of `fetch.HISTOGRAMS`."""
    stale = table["sum"].to_numpy().view(np.int64) == STALE_BITS
    columns = {name: table[name].to_pylist() for name in table.column_names}
    made = np.empty(table.num_rows, dtype=object)
    for row in range(table.num_rows):
        made[row] = _histogram({name: values[row] for name, values in columns.items()})
    owners, times = _owners(table["series_id"].to_numpy(), ids), table["t"].to_numpy()
    return _last_of_each_time(Flat(owners, times, np.zeros(len(times)), stale, made))


def _histogram(row: dict[str, object]) -> Histogram:
    def side(name: str) -> Side:
        indexes = np.array(row[f"{name}_indexes"], dtype=np.int64)
        return Side(indexes, np.array(row[f"{name}_counts"], dtype=np.float64)).compact()

    numbers = {name: row[name] for name in ("schema", "zero_threshold", "zero_count", "count", "sum")}
    bounds: tuple[float, ...] = tuple(row["custom_bounds"])  # type: ignore[arg-type]
    hint = Hint.GAUGE if row["hint"] == Hint.GAUGE else Hint.UNKNOWN
    return Histogram(positive=side("positive"), negative=side("negative"), custom_bounds=bounds, hint=hint, **numbers)  # type: ignore[arg-type]


def _owners(found: Ids, ids: Ids) -> Ints:
    """For each row the place of its series in `ids`; rows of a series lie together."""
    firsts = np.flatnonzero(np.append(True, found[1:] != found[:-1])) if len(found) else np.zeros(0, dtype=np.int64)
    order = np.argsort(ids)
    series = order[np.searchsorted(ids[order], found[firsts])]
    return np.repeat(series, np.diff(np.append(firsts, len(found))))


def settle(flat: Flat, *, latest_last: bool) -> Flat | None:
    """Floats in order; of those of the same time the one received last, None where that is not known."""
    repeated = _repeated(flat)
    bits = flat.values.view(np.int64)
    if not latest_last and (repeated & (bits[1:] != bits[:-1])).any():
        return None
    return _in_order_of_series(_last_of_each_time(flat, repeated))


def _in_order_of_series(flat: Flat) -> Flat:
    """Of floats that come block by block, in each of which they are in order."""
    firsts = np.flatnonzero(np.append(True, flat.owners[1:] != flat.owners[:-1])) if len(flat.owners) else flat.owners
    order = np.argsort(flat.owners[firsts], kind="stable")
    if (np.diff(order) == 1).all():
        return flat
    lengths = np.diff(np.append(firsts, len(flat.owners)))[order]
    ends = np.cumsum(lengths)
    places = np.repeat(firsts[order] - ends + lengths, lengths)
    places += np.arange(ends[-1])
    values = flat.values[places]
    owners = np.repeat(flat.owners[firsts[order]], lengths)
    return Flat(owners, flat.times[places], values, values.view(np.int64) == STALE_BITS)


def _repeated(flat: Flat) -> Bools:
    """Points that are followed by one of the same series and time."""
    return np.asarray((flat.owners[1:] == flat.owners[:-1]) & (flat.times[1:] == flat.times[:-1]))


def _last_of_each_time(flat: Flat, known: Bools | None = None) -> Flat:
    """Of points of the same series and time, the one received last. `known`: what `_repeated` says."""
    repeated = _repeated(flat) if known is None else known
    return flat if not repeated.any() else _take(flat, np.flatnonzero(np.append(~repeated, True)))


def _take(flat: Flat, rows: Ints) -> Flat:
    histograms = None if flat.histograms is None else flat.histograms[rows]
    return Flat(flat.owners[rows], flat.times[rows], flat.values[rows], flat.stale[rows], histograms)


def join_flats(labels: list[Labels], flats: list[Flat]) -> Points:
    """One run of points a series, out of all tables."""
    flat = flats[0] if len(flats) == 1 else _merge(flats)
    offsets = np.searchsorted(flat.owners, np.arange(len(labels) + 1)).astype(np.int64)
    stale = flat.stale if flat.stale.any() else None
    return Points(labels, offsets, flat.times, flat.values, np.zeros(len(labels), dtype=bool), stale, flat.histograms)


def _merge(flats: list[Flat]) -> Flat:
    if not flats:
        nothing = np.zeros(0, dtype=np.int64)
        return Flat(nothing, nothing, np.zeros(0), np.zeros(0, dtype=bool))
    objects = [np.full(len(flat.times), None) if flat.histograms is None else flat.histograms for flat in flats]
    owners, times = (np.concatenate([getattr(flat, name) for flat in flats]) for name in ("owners", "times"))
    together = Flat(
        owners,
        times,
        np.concatenate([flat.values for flat in flats]),
        np.concatenate([flat.stale for flat in flats]),
        np.concatenate(objects),
    )
    return _last_of_each_time(_take(together, np.lexsort((times, owners))))


def with_hints(points: Points, after_ms: int, *, resets: bool) -> Points:
    """Says of each histogram whether a counter was reset before it (`resets`) or was not. Only later points stay."""
    assert points.histograms is not None
    hinted = points.histograms.copy()
    for start, end in zip(points.offsets, points.offsets[1:], strict=False):
        previous: Histogram | None = None
        for place in range(start, end):
            current: Histogram | None = points.histograms[place]
            if current is not None and previous is not None and current.hint != Hint.GAUGE:
                hinted[place] = current.with_hint(_hint(current, previous, resets))
            previous = None if points.stale is not None and points.stale[place] else current
    inside = points.times > after_ms
    return replace(points, histograms=hinted).where(inside)


def _hint(current: Histogram, previous: Histogram, resets: bool) -> Hint:
    """Prometheus' storage never says that there was a reset, only where there was none; and not across layouts."""
    if previous.hint == Hint.GAUGE:
        return Hint.UNKNOWN
    if is_reset(current, previous, trust_hint=False):
        return Hint.RESET if resets else Hint.UNKNOWN
    layouts = [(h.schema, h.zero_threshold, h.custom_bounds) for h in (current, previous)]
    return Hint.NOT_RESET if resets or layouts[0] == layouts[1] else Hint.UNKNOWN
