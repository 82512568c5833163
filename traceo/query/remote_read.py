"""Whole series for Prometheus' remote read: every sample as it is stored, stale markers too."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from traceo.errors import LimitExceeded
from traceo.query.promql.ast import Matcher
from traceo.query.promql.selectors import condition
from traceo.query.run import Queries
from traceo.query.sql import Scope, TimeRange
from traceo.query.translated import EXPONENTIAL, FLOAT_KINDS, NATIVE, SAMPLES, STALE, select_exponential, select_floats

MAX_SAMPLES = 10_000_000
FIRST_MS, LAST_MS = -9_000_000_000_000, 9_000_000_000_000
SETS = "series_id, toInt8(kind) AS kind, metric, labels"
POINTS = f"series_id, toUnixTimestamp64Milli(time) AS ms, if(flags % 2 = 1, {STALE}, value) AS v, received_at"
HISTOGRAMS = """
series_id, toUnixTimestamp64Milli(time) AS ms, toInt8(reset_hint) AS hint, is_float, schema, zero_threshold, zero_count,
count, sum, positive_indexes, positive_counts, negative_indexes, negative_counts, custom_bounds
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """What one query of a request asks for; both ends are included."""

    start_ms: int
    end_ms: int
    matchers: tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """A series' samples in order of time, each time once: what was received last. `histograms`: rows of HISTOGRAMS."""

    labels: list[tuple[str, str]]
    times_ms: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    histograms: list[dict[str, Any]]


async def read_series(queries: Queries, tenant: str, selection: Selection) -> list[Series]:
    """The selected series that have samples, in order of their labels. Raises LimitExceeded."""
    start, end = (min(max(ms, FIRST_MS), LAST_MS) for ms in (selection.start_ms, selection.end_ms + 1))
    if start >= end:
        return []
    scope = Scope(tenant, TimeRange(start * 10**6, end * 10**6))
    where = condition(scope, selection.matchers)
    sets = await queries.table(scope.select("label_sets", SETS, where, "LIMIT 1 BY series_id"), dict(scope.params))
    kinds = set(sets["kind"].to_pylist())
    labels = {number: pairs for number, pairs in zip(sets["series_id"].to_pylist(), _labels(sets), strict=True)}
    floats = await _read_floats(queries, scope, kinds, where)
    histograms = await _read_histograms(queries, scope, kinds, where)
    nothing = (np.empty(0, np.int64), np.empty(0))
    found = [
        Series(labels[number], *floats.get(number, nothing), histograms.get(number, []))
        for number in labels
        if number in floats or number in histograms
    ]
    by_labels = itertools.groupby(sorted(found, key=lambda series: series.labels), key=lambda series: series.labels)
    return [_merge(list(group)) for _, group in by_labels]


def _merge(found: list[Series]) -> Series:
    """One series of those with the same labels: a series' floats and its histograms have ids of their own."""
    if len(found) == 1:
        return found[0]
    times, values = (np.concatenate([getattr(series, name) for series in found]) for name in ("times_ms", "values"))
    order = np.argsort(times, kind="stable")
    rows = {row["ms"]: row for series in found for row in series.histograms}
    return Series(found[0].labels, *_last_of_each(times[order], values[order]), [rows[ms] for ms in sorted(rows)])


async def _read_floats(
    queries: Queries, scope: Scope, kinds: set[int], where: Sequence[str]
) -> dict[int, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
    parts = []
    if SAMPLES in kinds:
        parts.append(
            scope.select("samples", "series_id, time, received_at, value, flags", [_of(scope, where, SAMPLES)])
        )
    if kinds & set(FLOAT_KINDS):
        parts.append(select_floats(scope, sorted(kinds), where))
    if not parts:
        return {}
    tail = f"ORDER BY series_id, ms, received_at LIMIT {MAX_SAMPLES + 1}"
    points = f"SELECT {POINTS} FROM ({' UNION ALL '.join(parts)}) {tail}"
    sql = f"SELECT series_id, groupArray(ms) AS times, groupArray(v) AS found FROM ({points}) GROUP BY series_id"
    table = (await queries.table(sql, dict(scope.params))).combine_chunks()
    return {number: _last_of_each(times, values) for number, times, values in _split(table)}


def _split(table: pa.Table) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
    if not table.num_rows:
        return
    times, values = table["times"].chunk(0), table["found"].chunk(0)
    offsets = times.offsets.to_numpy()
    if offsets[-1] > MAX_SAMPLES:
        raise LimitExceeded(f"more than {MAX_SAMPLES} samples are asked for: ask for a shorter range or fewer series")
    all_times, all_values = times.values.to_numpy(), values.values.to_numpy()
    for number, start, end in zip(table["series_id"].to_pylist(), offsets, offsets[1:], strict=False):
        yield number, all_times[start:end], all_values[start:end]


def _last_of_each(
    times: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    if not len(times):
        return times, values
    is_last = np.append(times[1:] != times[:-1], True)
    return times[is_last], values[is_last]


async def _read_histograms(
    queries: Queries, scope: Scope, kinds: set[int], where: Sequence[str]
) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, dict[int, dict[str, Any]]] = {}
    sources = []
    if NATIVE in kinds:
        sources.append(scope.select("native_histograms", "*", [_of(scope, where, NATIVE)]))
    if EXPONENTIAL in kinds:
        sources.append(select_exponential(scope, where))
    for source in sources:
        sql = f"SELECT {HISTOGRAMS} FROM ({source}) ORDER BY series_id, ms, received_at"
        for row in (await queries.table(sql, dict(scope.params))).to_pylist():
            found.setdefault(row["series_id"], {})[row["ms"]] = row
    return {number: list(rows.values()) for number, rows in found.items()}


def _of(scope: Scope, where: Sequence[str], kind: int) -> str:
    return f"series_id IN ({scope.select('label_sets', 'series_id', [*where, f'toInt8(kind) = {kind}'])})"


def _labels(sets: pa.Table) -> list[list[tuple[str, str]]]:
    named = zip(sets["metric"].to_pylist(), sets["labels"].to_pylist(), strict=True)
    return [sorted([("__name__", metric), *pairs]) for metric, pairs in named]
