"""OTLP points that are stored as they were sent, as the points of the series that Prometheus knows them by.

`label_sets` says by its `kind` what a series is made of (schema/102_series_label_sets_view.sql). Here are the kinds
whose points are not in `samples` or `native_histograms` as they are, as SQL with the columns of those tables. Delta
points become running sums over what is read: a difference of two of them, and so every rate, is as for a counter.
"""

from collections.abc import Sequence

from traceo.query.sql import Scope

# Numbers of `kind` in label_sets.
SAMPLES, NATIVE, EXPONENTIAL, DELTA = 0, 1, 2, 9
BUCKET_KINDS, SUMMARY_KINDS = (3, 4, 5), (6, 7, 8)
FLOAT_KINDS = (*BUCKET_KINDS, *SUMMARY_KINDS, DELTA)
MIN_SCALE, MAX_SCALE = -4, 8  # of Prometheus
STALE = "reinterpretAsFloat64(toUInt64(0x7FF0000000000002))"
DEFAULT_ZERO_THRESHOLD = 1e-128
NEWEST = "ORDER BY received_at DESC LIMIT 1 BY series_id, time"

BUCKET_VALUE = """
multiIf(kind = 4, sum, kind = 5 OR bound = inf, toFloat64(count), has(bounds, bound),
    toFloat64(arraySum(arraySlice(counts, 1, indexOf(bounds, bound)))), NULL)
"""
SUMMARY_VALUE = (
    "multiIf(kind = 7, sum, kind = 8, toFloat64(count), has(quantiles, bound), values[indexOf(quantiles, bound)], NULL)"
)
# An index of OTLP is one less than Prometheus': its bucket begins at that power of the base, not ends there.
BUCKETS = """
arrayReduce('sumMap',
    [arrayMap(i -> toInt32(floor(({side}_offset + i) / exp2(greatest(scale - {max_scale}, 0))) + 1),
        range(length({side}_counts)))],
    [arrayMap(n -> toFloat64(n), {side}_counts)]) AS {side}
"""


def select_floats(scope: Scope, kinds: Sequence[int], where: Sequence[str]) -> str:
    """SQL: series_id, time, received_at, value and flags of the series of these FLOAT_KINDS that satisfy `where`.

    `where`: conditions over label_sets, bound in `scope`; `kinds`: as they were found, so that nothing is read in vain.
    """
    parts = []
    if set(kinds) & set(BUCKET_KINDS):
        columns = "toFloat64OrZero(replaceOne(labels['le'], '+Inf', 'inf')) AS bound"
        parts.append(
            _expand(scope, where, BUCKET_KINDS, columns, "histograms", "count, sum, bounds, counts", BUCKET_VALUE)
        )
    if set(kinds) & set(SUMMARY_KINDS):
        columns = "toFloat64OrZero(labels['quantile']) AS bound"
        points = "count, sum, quantiles, values"
        parts.append(_expand(scope, where, SUMMARY_KINDS, columns, "summaries", points, SUMMARY_VALUE))
    if DELTA in kinds:
        chosen = f"series_id IN ({_select_sets(scope, where, (DELTA,), 'series_id')})"
        points = scope.select("samples", "series_id, time, received_at, value, flags", [chosen], NEWEST)
        parts.append(f"SELECT series_id, time, received_at, {_running('value')} AS value, flags FROM ({points})")
    return " UNION ALL ".join(parts)


def select_exponential(scope: Scope, where: Sequence[str]) -> str:
    """SQL: the columns of native_histograms of series of the kind EXPONENTIAL; `where` as above.

    A finer scale than Prometheus' finest is made coarser; a coarser one than its coarsest is left out, as it does.
    """
    chosen = f"series_id IN ({_select_sets(scope, where, (EXPONENTIAL,), 'series_id')})"
    sides = ", ".join(BUCKETS.format(side=side, max_scale=MAX_SCALE) for side in ("positive", "negative"))
    columns = (
        "series_id, time, start_time_ns, received_at, flags, toFloat64(count) AS n, ifNull(sum, 0) AS total, "
        f"toFloat64(zero_count) AS zeros, toInt8(least(scale, {MAX_SCALE})) AS schema, "
        f"if(zero_threshold = 0, {DEFAULT_ZERO_THRESHOLD}, zero_threshold) AS threshold, {sides}"
    )
    points = scope.select("histograms", columns, [chosen, f"scale >= {MIN_SCALE}"], NEWEST)
    window = "PARTITION BY series_id, schema, threshold ORDER BY time"
    summed = {
        name: f"if(temporality = 1, sum({source}) OVER w, {source})"
        for name, source in {"count": "n", "zero_count": "zeros", "total": "total"}.items()
    }
    for side in ("positive", "negative"):
        summed[side] = f"if(temporality = 1, sumMap({side}.1, {side}.2) OVER w, {side})"
    return (
        "SELECT series_id, time, start_time_ns, received_at, "
        "CAST(0 AS Enum8('unknown' = 0, 'yes' = 1, 'no' = 2, 'gauge' = 3)) AS reset_hint, false AS is_float, schema, "
        f"threshold AS zero_threshold, {summed['zero_count']} AS zero_count, {summed['count']} AS count, "
        f"if(flags % 2 = 1, {STALE}, {summed['total']}) AS sum, "
        f"({summed['positive']}).1 AS positive_indexes, ({summed['positive']}).2 AS positive_counts, "
        f"({summed['negative']}).1 AS negative_indexes, ({summed['negative']}).2 AS negative_counts, "
        "CAST([] AS Array(Float64)) AS custom_bounds "
        f"FROM ({points}) AS p LEFT ANY JOIN ({_temporalities(scope, where, (EXPONENTIAL,))}) AS t USING series_id "
        f"WINDOW w AS ({window})"
    )


def _expand(
    scope: Scope, where: Sequence[str], kinds: Sequence[int], columns: str, table: str, points: str, value: str
) -> str:
    """One point of a table as one of each series that is made of it."""
    wanted = f"series_id, source_id, toInt8(kind) AS kind, {columns}"
    sets = f"{_select_sets(scope, where, kinds, wanted)} LIMIT 1 BY series_id"
    sources = f"series_id IN ({_select_sets(scope, where, kinds, 'source_id')})"
    rows = scope.select(table, f"series_id AS source_id, time, received_at, flags, {points}", [sources])
    temporality = _temporalities(scope, where, kinds)
    expanded = (
        f"SELECT s.series_id AS series_id, time, received_at, flags, temporality, {value} AS found "
        f"FROM ({sets}) AS s INNER JOIN ({rows}) AS p USING source_id "
        f"LEFT ANY JOIN (SELECT series_id AS source_id, temporality FROM ({temporality})) AS t USING source_id "
        f"WHERE isNotNull(found) OR flags % 2 = 1 {NEWEST}"
    )
    running = _running("found")
    return (
        "SELECT series_id, time, received_at, "
        f"ifNull(if(temporality = 1, {running}, found), 0) AS value, flags FROM ({expanded})"
    )


def _running(value: str) -> str:
    return f"sum(if(flags % 2 = 1, 0, {value})) OVER (PARTITION BY series_id ORDER BY time)"


def _temporalities(scope: Scope, where: Sequence[str], kinds: Sequence[int]) -> str:
    sources = f"series_id IN ({_select_sets(scope, where, kinds, 'source_id')})"
    return scope.select("series", "series_id, temporality", [sources], "LIMIT 1 BY series_id")


def _select_sets(scope: Scope, where: Sequence[str], kinds: Sequence[int], columns: str) -> str:
    numbers = ", ".join(map(str, kinds))
    return scope.select("label_sets", columns, [*where, f"toInt8(kind) IN ({numbers})"])
