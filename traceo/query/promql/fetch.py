"""Series and their points out of the engine: two statements for a selector, one more where there are histograms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pyarrow as pa

from traceo.errors import LimitExceeded, QueryError
from traceo.query.promql.ast import Matcher
from traceo.query.promql.flat import (
    MS,
    STALE_BITS,
    Flat,
    Ids,
    flat_floats,
    flat_histograms,
    flat_slim_floats,
    join_flats,
    settle,
    with_hints,
)
from traceo.query.promql.options import TOO_MANY_SAMPLES, Options
from traceo.query.promql.presence import COLUMNS, MAX_BITS, Presence, place_columns, unit_of, unpack
from traceo.query.promql.selectors import condition
from traceo.query.promql.values import Ints, Labels, Points
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

DAY_MS = 86_400_000
Made = TypeVar("Made")
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
FEW_ROWS = 10_000  # are quicker made into points than handed to a thread; a histogram is as much work as many floats
FLOATS_A_HISTOGRAM = 100
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
        return join_flats([], [])
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

    def make() -> Points:
        points = join_flats(labels_of(found.take(pa.array(firsts)), read.labels), flats)
        points = replace(points, running=chosen.has_running_sums())
        return with_hints(points, read.after_ms, resets=read.resets) if points.histograms is not None else points

    return await _off_the_loop(sum(len(flat.times) for flat in flats), make)


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
    if flat is None:
        flat = await _read_floats_in(queries, source, ids, LATEST_LAST, options)
        assert flat is not None
    return flat


async def _read_floats_in(queries: Queries, source: Source, ids: Ids, order: str, options: Options) -> Flat | None:
    """None: points differ that have the same time, and the order does not say which came last."""
    between = source[0].between
    assert between is not None
    base = between.start_ns // MS
    short, length_ms = ids.astype(np.uint32), between.end_ns // MS - base
    latest_last = order == LATEST_LAST
    if len(ids) <= FEW_SERIES or len(np.unique(short)) < len(ids) or length_ms >= 1 << 32:
        columns = STORED_FLOATS_OF_FEW if source[1].startswith("samples ") else FLOATS
        table = await _rows(queries, source, columns, order, options)
        return await _off_the_loop(table.num_rows, lambda: settle(flat_floats(table, ids), latest_last=latest_last))
    columns, many = SLIM_FLOATS.format(base=base, stale=STALE_BITS), len(ids) * length_ms > MANY_SERIES_MS
    table = await _rows(queries, source, columns, order, options, compressed=many)
    return await _off_the_loop(
        table.num_rows, lambda: settle(flat_slim_floats(table, short, base), latest_last=latest_last)
    )


async def _off_the_loop(rows: int, make: Callable[[], Made]) -> Made:
    """What is made of many rows, in a thread, so that other requests go on; of a few at once, which is quicker."""
    return make() if rows <= FEW_ROWS else await asyncio.to_thread(make)


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
    table = await queries.table(sql, source[0].params, limits=_limits(options, rows))

    def make() -> Presence | None:
        if (bits := unpack(table, ids, units)) is None:
            return None
        return Presence(labels_of(chosen.found.take(pa.array(firsts)), read.labels), bits, read.until_ms, unit_ms)

    return await _off_the_loop(table.num_rows, make)


async def _read_histograms(queries: Queries, source: Source, ids: Ids, options: Options) -> Flat:
    table = await _rows(queries, source, HISTOGRAMS, "series_id, time, received_at", options)
    return await _off_the_loop(FLOATS_A_HISTOGRAM * table.num_rows, lambda: flat_histograms(table, ids))
