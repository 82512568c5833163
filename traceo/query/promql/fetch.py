"""Series and their points out of the engine: two statements for a selector, one more where there are histograms."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from traceo.errors import LimitExceeded, QueryError
from traceo.query.promql.ast import Matcher
from traceo.query.promql.histogram import Hint, Histogram, Side, is_reset
from traceo.query.promql.options import TOO_MANY_SAMPLES, Options
from traceo.query.promql.presence import COLUMNS, MAX_BITS, Presence, place_columns, unit_of, unpack
from traceo.query.promql.selectors import condition
from traceo.query.promql.values import Bools, Floats, Ints, Labels, Objects, Points
from traceo.query.run import Queries
from traceo.query.sql import SAMPLES_BLOCK, Scope, TimeRange
from traceo.query.translated import (
    BUCKET_KINDS,
    DELTA,
    EXPONENTIAL,
    FLOAT_KINDS,
    NATIVE,
    SAMPLES,
    select_exponential,
    select_floats,
)
from traceo.store.base import QueryLimits

STALE_BITS = 0x7FF0000000000002
MS = 1_000_000
DAY_MS = 86_400_000
Ids = npt.NDArray[Any]  # of unsigned integers
Source = tuple[Scope, str]  # a statement's scope, and what stands behind its FROM
FIRST_NS, LAST_NS = -2_208_988_800 * 10**9, (1 << 63) - 2  # what a DateTime64(9) can be
MANY_SERIES = 5000  # more are chosen by a subquery instead of a list
SERIES = "series_id, toInt8(kind) AS kind, metric"
STORED_FLOATS = "series_id, time, received_at, value, flags"
# Where values do not matter: what stale markers are recognized by is there all the same.
STORED_PRESENCE = "series_id, time, received_at, fractional AS value, flags"
# Of few series: columns as they are, because the engine needs 0.3 ms to resolve each function, however few its rows.
FEW_SERIES = 100
FLOATS = "series_id AS owner, time AS t, value AS v, flags"
STORED_FLOATS_OF_FEW = "series_id AS owner, time AS t, whole, fractional, flags"
# Of many: rows of 16 bytes, because what the engine hands over costs more than what it reads.
SLIM_FLOATS = """
toUInt32(series_id) AS owner, toUInt32(toUnixTimestamp64Milli(time) - ({base})) AS t,
if(flags % 2 = 1, reinterpretAsFloat64(toUInt64({stale})), value) AS v
"""
MANY_SERIES_MS = 10_000_000 * 15_000  # with a point each 15 s so many are 160 MB, of which the engine has not much more
# Of points of which only the newest before each step matters: a row stays if the next one belongs to another step or
# series. Rows come in blocks that are sorted, mostly; where one is not, or ends, a row too many stays.
STEP_KEY = (
    "series_id + 11400714819323198485 * intDiv(toUInt32({until} - toUnixTimestamp64Milli(time)), toUInt32({step}))"
)
THINNED = """
(SELECT * FROM {rows} WHERE step_key != neighbor(step_key, 1) OR time > neighbor(time, 1)
SETTINGS allow_deprecated_error_prone_window_functions = 1)
"""
THIN_FROM_MS = 30_000  # a shorter step leaves nothing out
IN_ORDER, LATEST_LAST = f"{SAMPLES_BLOCK}, series_id, time", f"{SAMPLES_BLOCK}, series_id, time, received_at"
HISTOGRAMS = """
series_id, toUnixTimestamp64Milli(time) AS t, toInt8(reset_hint) AS hint, schema, zero_threshold, zero_count,
count, sum, positive_indexes, positive_counts, negative_indexes, negative_counts, custom_bounds
"""


@dataclass(frozen=True, slots=True)
class Read:
    """Which points a selector needs: those after `after_ms`, up to and including `until_ms`.

    `resets`: counter resets of histograms are to be marked as such (Prometheus' `HistogramStatsIterator`).
    `labels`: the only ones that matter, beside the name; None: all. `step_ms`: only the newest point before `until_ms`
    and before each moment so many milliseconds earlier matters; 0: all points do. `presence`: whether there is a point
    matters, its value does not.
    """

    matchers: tuple[Matcher, ...]
    after_ms: int
    until_ms: int
    resets: bool = False
    labels: tuple[str, ...] | None = None
    step_ms: int = 0
    presence: bool = False

    @property
    def is_thinned(self) -> bool:
        """Whether the engine is to leave out what does not matter."""
        return self.step_ms >= THIN_FROM_MS and self.until_ms - self.after_ms < 1 << 32

    def scope(self, tenant: str) -> Scope:
        """The statement's tenant and time range."""
        start = min(max((self.after_ms + 1) * MS, FIRST_NS), LAST_NS - 1)
        end = min(max((self.until_ms + 1) * MS, start + 1), LAST_NS)
        return Scope(tenant, TimeRange(start, end))


@dataclass(frozen=True, slots=True)
class Flat:
    """Points of one table: of series `owners`, numbered by ascending id; sorted by it and by time."""

    owners: Ints
    times: Ints
    values: Floats
    stale: Bools
    histograms: Objects | None = None


async def fetch(queries: Queries, tenant: str, read: Read, options: Options) -> Points | Presence:
    """The selected series with their points, or only where they have some. Raises LimitExceeded, StoreError.

    While the series are looked up, the few of the last time are read already: mostly there are no others.
    """
    asked = tenant, read.matchers, read.labels, (read.after_ms + 1) // DAY_MS, options.max_series
    last = queries.recent_series.last(asked)
    if last is None or last.num_rows > FEW_SERIES:
        found = await _find_series(queries, tenant, read, asked, options)
        return await _read_points(queries, tenant, read, found, options)
    reading = asyncio.create_task(_read_points(queries, tenant, read, last, options))
    try:
        found = await _find_series(queries, tenant, read, asked, options)
        if _ids_of(found) == _ids_of(last):
            return await reading
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return await _read_points(queries, tenant, read, found, options)


def _ids_of(found: pa.Table) -> set[tuple[int, int]]:
    """What tells rows of `label_sets` apart: labels follow from a series' id."""
    return set(zip(found["series_id"].to_pylist(), found["kind"].to_pylist(), strict=True))


async def _read_points(
    queries: Queries, tenant: str, read: Read, found: pa.Table, options: Options
) -> Points | Presence:
    """Of the series that were found."""
    if not found.num_rows:
        return _points([], [])
    scope = read.scope(tenant)
    where = condition(scope, read.matchers)
    ids, firsts = np.unique(found["series_id"].to_numpy(), return_index=True)
    if len(ids) > options.max_series:
        raise LimitExceeded(
            f"the query selects more than {options.max_series} series: use more selective label matchers"
        )
    chosen = _Chosen(read, scope, where, found)
    if read.presence and (presence := await _read_presence(queries, chosen, ids, firsts, options)):
        return presence
    wider = _Chosen(read, replace(read, after_ms=read.after_ms - options.lookback_ms).scope(tenant), where, found)
    wider.scope.params |= {name: value for name, value in scope.params.items() if name not in wider.scope.params}
    sources = [(_read_floats, source) for source in chosen.floats()]
    sources += [(_read_histograms, source) for source in wider.histograms()]
    flats = list(await asyncio.gather(*(function(queries, source, ids, options) for function, source in sources)))
    points = _points(labels_of(found.take(pa.array(firsts)), read.labels), flats)
    points = replace(points, running=chosen.has_running_sums())
    return _with_hints(points, read) if points.histograms is not None else points


async def _find_series(queries: Queries, tenant: str, read: Read, asked: Hashable, options: Options) -> pa.Table:
    """Rows of `label_sets`; those found within the last second for the same selector and day are taken again."""
    if (known := queries.recent_series.get(asked)) is not None:
        return known
    since, scope = queries.recent_series.now(), read.scope(tenant)
    tail = f"LIMIT 1 BY series_id, kind LIMIT {options.max_series + 1}"
    columns = ", ".join([SERIES, *_label_columns(scope, read)])
    sql = scope.select("label_sets", columns, condition(scope, read.matchers), tail)
    found = await queries.table(sql, scope.params, limits=_limits(options))
    queries.recent_series.put(asked, found, since)
    return found


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The rows of `label_sets` that a selector found, and where their points are."""

    read: Read
    scope: Scope
    where: Sequence[str]
    found: pa.Table

    def floats(self) -> list[Source]:
        """Statements for floats."""
        kinds = self._kinds()
        sources = [self._stored_floats()] if kinds & {SAMPLES, NATIVE} else []
        if kinds & set(FLOAT_KINDS):
            sources.append((self.scope, f"({select_floats(self.scope, sorted(kinds), self.where)})"))
        return sources

    def histograms(self) -> list[Source]:
        """Statements for native histograms, from a little earlier on, because hints need the one before."""
        kinds = self._kinds()
        sources = [self._stored("native_histograms", "*", (NATIVE,))] if NATIVE in kinds else []
        if EXPONENTIAL in kinds:
            sources.append((self.scope, f"({select_exponential(self.scope, self.where)})"))
        return sources

    def places(self, unit_ms: int) -> Source | None:
        """Samples by units of time; None where there are other points."""
        if self._kinds() != {SAMPLES}:
            return None
        return self._stored("samples", place_columns(self.read.until_ms, unit_ms), (SAMPLES,))

    def _stored_floats(self) -> Source:
        kinds, columns = (SAMPLES, NATIVE), STORED_PRESENCE if self.read.presence else STORED_FLOATS
        if self.found.num_rows <= FEW_SERIES:
            return self.scope, self.scope.rows_of("samples", [self._among(kinds)])
        if not self.read.is_thinned:
            return self._stored("samples", columns, kinds)
        key = STEP_KEY.format(until=self.read.until_ms, step=self.read.step_ms)
        scope, rows = self._stored("samples", f"{columns}, {key} AS step_key", kinds)
        return scope, THINNED.format(rows=rows)

    def has_running_sums(self) -> bool:
        """Whether values may be sums that begin where the reading does."""
        return bool(self._kinds() & {DELTA, EXPONENTIAL, *BUCKET_KINDS})

    def _kinds(self) -> set[int]:
        return set(self.found["kind"].unique().to_pylist())

    def _stored(self, table: str, columns: str, kinds: tuple[int, ...]) -> Source:
        """Points as they are, of some series."""
        return self.scope, f"({self.scope.select(table, columns, [self._among(kinds)])})"

    def _among(self, kinds: tuple[int, ...]) -> str:
        """A condition: series of some kinds; a list of them if they are few, otherwise a subquery."""
        mine = np.isin(self.found["kind"].to_numpy(), kinds)
        numbers = self.found["series_id"].to_numpy()[mine]
        if len(numbers) <= MANY_SERIES:
            return f"series_id IN {self.scope.bind_numbers(np.unique(numbers).tolist())}"
        return f"series_id IN ({self.scope.select('label_sets', 'series_id', self.where)})"


def _label_columns(scope: Scope, read: Read) -> list[str]:
    if read.labels is None:
        return ["labels"]
    return [f"labels[{scope.bind(name)}] AS label_{number}" for number, name in enumerate(read.labels)]


def labels_of(table: pa.Table, chosen: tuple[str, ...] | None) -> list[Labels]:
    """Labels of each row, all or those that were chosen, with the metric's name. Of the latter equal ones are one."""
    if chosen is not None:
        texts = [table[f"label_{number}"].to_pylist() for number in range(len(chosen))]
        rows = list(zip(table["metric"].to_pylist(), *texts, strict=True))
        names = ("__name__", *chosen)
        made = {row: {name: text for name, text in zip(names, row, strict=True) if text} for row in set(rows)}
        return [made[row] for row in rows]
    maps = table["labels"].combine_chunks()
    if isinstance(maps, pa.ChunkedArray):
        maps = maps.chunk(0)
    offsets = maps.offsets.to_pylist()
    names, values = maps.keys.to_pylist(), maps.items.to_pylist()
    metrics = table["metric"].to_pylist()
    return [
        {"__name__": metric, **dict(zip(names[start:end], values[start:end], strict=True))}
        for metric, start, end in zip(metrics, offsets, offsets[1:], strict=False)
    ]


def _limits(options: Options, rows: int = 0, *, compressed: bool = True) -> QueryLimits:
    return QueryLimits(options.timeout_s, rows or 2 * options.max_series + 2, options.max_memory_bytes, compressed)


async def _rows(
    queries: Queries, source: Source, columns: str, order: str, options: Options, *, compressed: bool = True
) -> pa.Table:
    rows = options.max_samples + 1
    sql = f"SELECT {columns} FROM {source[1]} ORDER BY {order} LIMIT {rows}"
    found = await queries.table(sql, source[0].params, limits=_limits(options, rows, compressed=compressed))
    if found.num_rows > options.max_samples:
        raise QueryError(TOO_MANY_SAMPLES)
    return found


async def _read_floats(queries: Queries, source: Source, ids: Ids, options: Options) -> Flat:
    """When they were received is looked at only if points differ that have the same time: it costs as much again."""
    flat = await _read_floats_in(queries, source, ids, IN_ORDER, options)
    repeated = _repeated(flat)
    bits = flat.values.view(np.int64)
    if (repeated & (bits[1:] != bits[:-1])).any():
        flat = await _read_floats_in(queries, source, ids, LATEST_LAST, options)
    return _in_order_of_series(_last_of_each_time(flat))


async def _read_floats_in(queries: Queries, source: Source, ids: Ids, order: str, options: Options) -> Flat:
    between = source[0].between
    assert between is not None
    base = between.start_ns // MS
    short, length_ms = ids.astype(np.uint32), between.end_ns // MS - base
    if len(ids) <= FEW_SERIES or len(np.unique(short)) < len(ids) or length_ms >= 1 << 32:
        columns = STORED_FLOATS_OF_FEW if source[1].startswith("samples ") else FLOATS
        return _flat(await _rows(queries, source, columns, order, options), ids)
    columns, many = SLIM_FLOATS.format(base=base, stale=STALE_BITS), len(ids) * length_ms > MANY_SERIES_MS
    table = await _rows(queries, source, columns, order, options, compressed=many)
    values = table["v"].to_numpy()
    owners = _owners(table["owner"].to_numpy(), short)
    return Flat(owners, table["t"].to_numpy().astype(np.int64) + base, values, values.view(np.int64) == STALE_BITS)


def _flat(table: pa.Table, ids: Ids) -> Flat:
    """Of FLOATS and of STORED_FLOATS_OF_FEW."""
    if "v" in table.column_names:
        found = table["v"].to_numpy()
    else:
        whole = table["whole"].to_numpy()
        found = np.where(whole == 0, table["fractional"].to_numpy(), whole)
    bits = found.view(np.int64)
    values = np.where(table["flags"].to_numpy() % 2 == 1, STALE_BITS, bits).view(np.float64)
    times = table["t"].cast(pa.int64()).to_numpy() // MS
    return Flat(_owners(table["owner"].to_numpy(), ids), times, values, values.view(np.int64) == STALE_BITS)


def _owners(found: Ids, ids: Ids) -> Ints:
    """For each row the place of its series in `ids`; rows of a series lie together."""
    firsts = np.flatnonzero(np.append(True, found[1:] != found[:-1])) if len(found) else np.zeros(0, dtype=np.int64)
    order = np.argsort(ids)
    series = order[np.searchsorted(ids[order], found[firsts])]
    return np.repeat(series, np.diff(np.append(firsts, len(found))))


async def _read_presence(
    queries: Queries, chosen: _Chosen, ids: Ids, firsts: Ints, options: Options
) -> Presence | None:
    """None: points have to be read, because there are stale markers, other kinds of series, or only a few series."""
    read = chosen.read
    unit_ms = unit_of(read.step_ms, options.lookback_ms, read.until_ms - read.after_ms)
    if not unit_ms or len(ids) <= FEW_SERIES or (source := chosen.places(unit_ms)) is None:
        return None
    units = -(-(read.until_ms - read.after_ms) // unit_ms)
    if len(ids) * units > MAX_BITS:
        return None
    rows = min(options.max_samples, len(ids) * -(-units // 64)) + 1
    sql = f"SELECT {COLUMNS} FROM {source[1]} GROUP BY key"
    bits = unpack(await queries.table(sql, source[0].params, limits=_limits(options, rows)), ids, units)
    if bits is None:
        return None
    return Presence(labels_of(chosen.found.take(pa.array(firsts)), read.labels), bits, read.until_ms, unit_ms)


async def _read_histograms(queries: Queries, source: Source, ids: Ids, options: Options) -> Flat:
    table = await _rows(queries, source, HISTOGRAMS, "series_id, time, received_at", options)
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


def _last_of_each_time(flat: Flat) -> Flat:
    """Of points of the same series and time, the one received last."""
    repeated = _repeated(flat)
    return flat if not repeated.any() else _take(flat, np.flatnonzero(np.append(~repeated, True)))


def _take(flat: Flat, rows: Ints) -> Flat:
    histograms = None if flat.histograms is None else flat.histograms[rows]
    return Flat(flat.owners[rows], flat.times[rows], flat.values[rows], flat.stale[rows], histograms)


def _points(labels: list[Labels], flats: list[Flat]) -> Points:
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


def _with_hints(points: Points, read: Read) -> Points:
    """Says of each histogram whether a counter was reset before it. Only points of the range stay."""
    assert points.histograms is not None
    hinted = points.histograms.copy()
    for start, end in zip(points.offsets, points.offsets[1:], strict=False):
        previous: Histogram | None = None
        for place in range(start, end):
            current: Histogram | None = points.histograms[place]
            if current is not None and previous is not None and current.hint != Hint.GAUGE:
                hinted[place] = current.with_hint(_hint(current, previous, read.resets))
            previous = None if points.stale is not None and points.stale[place] else current
    inside = points.times > read.after_ms
    return replace(points, histograms=hinted).where(inside)


def _hint(current: Histogram, previous: Histogram, resets: bool) -> Hint:
    """Prometheus' storage never says that there was a reset, only where there was none; and not across layouts."""
    if previous.hint == Hint.GAUGE:
        return Hint.UNKNOWN
    if is_reset(current, previous, trust_hint=False):
        return Hint.RESET if resets else Hint.UNKNOWN
    layouts = [(h.schema, h.zero_threshold, h.custom_bounds) for h in (current, previous)]
    return Hint.NOT_RESET if resets or layouts[0] == layouts[1] else Hint.UNKNOWN
