"""Exemplars of the series that an expression selects: from a point to a trace."""

import math

from traceo.query.label_sets import any_set, labels_of, scope_of
from traceo.query.promql.ast import Selector, walk
from traceo.query.promql.parser import parse_promql
from traceo.query.run import Queries, Row
from traceo.store.attributes import decode_map

# Sums and counts of a histogram have none of their own: its buckets have them.
OWN = "kind IN ('samples', 'delta', 'native_histogram', 'exponential', 'bucket')"
SERIES = "metric, labels, source_id, toString(kind) AS kind_name"
POINTS = "series_id, toUnixTimestamp64Nano(time) AS time_ns, value, trace_id, span_id, attributes"
MAX_SERIES, MAX_EXEMPLARS = 10_000, 50_000


async def list_exemplars(queries: Queries, tenant: str, text: str, start_ms: int, end_ms: int) -> list[Row]:
    """`[{"seriesLabels", "exemplars": [{"labels", "value", "time_ms"}]}]`, oldest first. Raises ParseError."""
    sets = [node.matchers for node in walk(parse_promql(text)) if isinstance(node, Selector)]
    if not sets:
        return []
    scope = scope_of(tenant, start_ms, end_ms)
    where = [*any_set(scope, sets), OWN]
    series = scope.select("label_sets", SERIES, where, f"LIMIT 1 BY metric, series_id LIMIT {MAX_SERIES}")
    chosen = f"series_id IN ({scope.select('label_sets', 'source_id', where)})"
    points = scope.select("exemplars", POINTS, [chosen], f"ORDER BY series_id, time LIMIT {MAX_EXEMPLARS}")
    by_source: dict[int, list[Row]] = {}
    for row in await queries.rows(scope, points):
        by_source.setdefault(row["series_id"], []).append(row)
    return _join(await queries.rows(scope, series), by_source) if by_source else []


def _join(series: list[Row], by_source: dict[int, list[Row]]) -> list[Row]:
    bounds: dict[int, list[float]] = {}
    for row in series:
        if row["kind_name"] == b"bucket":
            bounds.setdefault(row["source_id"], []).append(_bound(row))
    answer = []
    for row in series:
        points = by_source.get(row["source_id"], [])
        if row["kind_name"] == b"bucket":
            below = max((bound for bound in bounds[row["source_id"]] if bound < _bound(row)), default=-math.inf)
            points = [point for point in points if below < point["value"] <= _bound(row)]
        if points:
            answer.append({"seriesLabels": labels_of(row), "exemplars": [_show(point) for point in points]})
    return sorted(answer, key=lambda item: list(item["seriesLabels"].items()))


def _bound(row: Row) -> float:
    return float(row["labels"].get(b"le", b"+Inf"))


def _show(point: Row) -> Row:
    ids = {name: point[name].hex() for name in ("trace_id", "span_id") if any(point[name])}
    attributes = {name: str(value) for name, value in decode_map(point["attributes"]).items()}
    return {"labels": {**ids, **attributes}, "value": point["value"], "time_ms": point["time_ns"] // 10**6}
