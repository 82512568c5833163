"""`compare()`: how often each value of each attribute occurs among the spans set apart, and among the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from traceo.query.run import Queries, Row
from traceo.query.sql import Scope
from traceo.query.traceql.ast import Metrics, Query
from traceo.query.traceql.counting import START_NS, compile_values, is_counted_by_engine, read_members
from traceo.query.traceql.field_parser import KINDS, STATUSES
from traceo.query.traceql.fields import Fields
from traceo.query.traceql.reading import weight_of
from traceo.query.traceql.series import MetricSeries
from traceo.store.attributes import decode_text, decode_value

TOP = 10
TYPE, ERROR, TOO_MANY = "__meta_type", "__meta_error", "__too_many_values__"
GROUPS = {False: "baseline", True: "selection"}
PAIRS = """
arrayConcat(
    arrayMap((k, v) -> (concat('span.', k), toString(v)), mapKeys(attributes), mapValues(attributes)),
    arrayMap((k, v) -> (concat('resource.', k), toString(v)), mapKeys(r_attributes), mapValues(r_attributes)),
    arrayFilter(pair -> pair.2 != '', [('name', toString(name)), ('statusMessage', toString(status_message)),
        ('status', toString(status_code)), ('kind', toString(kind))]))
"""
NAMES = {
    "status": {str(code): name for name, code in STATUSES.items()},
    "kind": {str(code): name for name, code in KINDS.items()},
}


async def compare(queries: Queries, scope: Scope, query: Query, count: int, step_ns: int) -> list[MetricSeries]:
    """Series of the most frequent values, of the totals of each attribute, and of the attributes with more values."""
    metrics = query.metrics
    assert metrics is not None
    top = int(metrics.numbers[0]) if metrics.numbers else TOP
    made: list[MetricSeries] = []
    crowded: dict[str, None] = {}
    for row in await _count(queries, scope, query, top, step_ns):
        name, kind = decode_text(row["name"]), GROUPS[bool(row["chosen"])]
        for value, steps in zip(row["values"], row["steps"], strict=True):
            labels = {TYPE: kind, name: _show(name, value)}
            made.append(MetricSeries(labels, _values(steps, count)))
        made.append(MetricSeries({TYPE: f"{kind}_total", name: None}, _values(row["totals"], count)))
        if row["number"] > top:
            crowded[name] = None
    return made + [MetricSeries({ERROR: TOO_MANY, name: None}, np.full(count, np.nan)) for name in crowded]


def _values(steps: dict[int, float], count: int) -> Any:
    places = np.array([step for step in steps if 0 <= step < count], dtype=np.int64)
    return np.bincount(places, weights=[steps[place] for place in places.tolist()], minlength=count).astype(np.float64)


def _show(name: str, raw: bytes) -> Any:
    if name in NAMES:
        return NAMES[name].get(raw.decode(), raw.decode())
    return decode_value(raw) if name.startswith(("span.", "resource.")) else decode_text(raw)


def compile_compare(scope: Scope, query: Query, step_ns: int, top: int) -> str:
    """SQL: for each attribute and group the most frequent values and all, as maps of spans by step; how many values."""
    metrics = query.metrics
    assert metrics is not None

    def more(fields: Fields) -> list[str]:
        fields.joins.add("resource")
        assert metrics.chosen is not None
        chosen = f"({fields.condition(metrics.chosen.condition)}) AND {_within(metrics, START_NS)}"
        return [f"{chosen} AS chosen", f"{weight_of(scope)} AS weight", f"{PAIRS} AS pairs"]

    spans = compile_values(scope, query, step_ns, more)
    by_value = (
        "SELECT pair.1 AS name, pair.2 AS value, chosen, sumMap(map(step, weight)) AS by_step "
        f"FROM (SELECT arrayJoin(pairs) AS pair, chosen, step, weight FROM ({spans})) GROUP BY name, value, chosen"
    )
    return (
        f"SELECT name, chosen, groupArraySorted({int(top)})((-arraySum(mapValues(by_step)), value, by_step)) AS found, "
        "arrayMap(one -> one.2, found) AS values, arrayMap(one -> one.3, found) AS steps, "
        f"sumMap(by_step) AS totals, count() AS number FROM ({by_value}) GROUP BY name, chosen ORDER BY name, chosen"
    )


def _within(metrics: Metrics, start_ns: str) -> str:
    if len(metrics.numbers) < 3:
        return "1"
    return f"{start_ns} >= {int(metrics.numbers[1])} AND {start_ns} < {int(metrics.numbers[2])}"


async def _count(queries: Queries, scope: Scope, query: Query, top: int, step_ns: int) -> list[Row]:
    if is_counted_by_engine(query):
        sql = f"SELECT * EXCEPT found FROM ({compile_compare(scope, query, step_ns, top)})"
        return await queries.rows(scope, sql)
    return await _count_members(queries, scope, query, top, step_ns)


async def _count_members(queries: Queries, scope: Scope, query: Query, top: int, step_ns: int) -> list[Row]:
    """The same for what needs whole traces."""
    metrics, between = query.metrics, scope.between
    assert metrics is not None and between is not None

    def more(fields: Fields) -> list[str]:
        fields.joins.add("resource")
        return [f"{_within(metrics, START_NS)} AS inside", f"{PAIRS} AS pairs"]

    parts = []
    async for part in read_members(queries, scope, query, more):
        lists = part["pairs"].combine_chunks()
        owner, pairs = pc.list_parent_indices(lists), pc.list_flatten(lists)
        step = pa.array((part["start_ns"].to_numpy() - between.start_ns) // step_ns)
        chosen = pc.and_(part["chosen"], pc.cast(part["inside"], pa.bool_()))
        columns = {"chosen": chosen, "step": step, "weight": part["weight"]}
        rows = pa.table(
            {
                "name": pc.struct_field(pairs, 0),
                "value": pc.struct_field(pairs, 1),
                **{name: column.take(owner) for name, column in columns.items()},
            }
        )
        parts.append(_sum(rows))
    return _best(_sum(pa.concat_tables(parts)), top) if parts else []


def _sum(rows: pa.Table) -> pa.Table:
    keys = ["name", "value", "chosen", "step"]
    return rows.group_by(keys).aggregate([("weight", "sum")]).rename_columns({"weight_sum": "weight"})


def _best(rows: pa.Table, top: int) -> list[Row]:
    groups: dict[tuple[bytes, bool], dict[bytes, dict[int, float]]] = {}
    totals: dict[tuple[bytes, bool], dict[int, float]] = {}
    for row in rows.to_pylist():
        key = row["name"], row["chosen"]
        groups.setdefault(key, {}).setdefault(row["value"], {})[row["step"]] = row["weight"]
        total = totals.setdefault(key, {})
        total[row["step"]] = total.get(row["step"], 0.0) + row["weight"]
    made = []
    for key in sorted(groups):
        values = sorted(groups[key].items(), key=lambda item: (-sum(item[1].values()), item[0]))
        shown = {"values": [value for value, _ in values[:top]], "steps": [steps for _, steps in values[:top]]}
        made.append({"name": key[0], "chosen": key[1], **shown, "totals": totals[key], "number": len(values)})
    return made
