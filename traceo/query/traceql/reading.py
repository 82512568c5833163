"""SQL of candidates and of their spans, and the table that `structure.py` works on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from traceo.query.sql import RECENT_SINCE, Scope, adjusted_count_of
from traceo.query.traceql.ast import (
    Aggregate,
    Binary,
    By,
    Combined,
    Computed,
    Field,
    Filter,
    Pipeline,
    Query,
    Scalar,
    ScalarFilter,
    Select,
    Stage,
    Static,
    Unary,
)
from traceo.query.traceql.fields import Fields, is_local
from traceo.query.traceql.places import Places, needs_place, numbers_in, parts_of
from traceo.query.traceql.structure import Table

READ = (
    "trace_id, span_id, parent_span_id, service, name, kind, start_time, duration_ns, status_code, status_message, "
    "resource_id, scope_id, attributes, `events.name`, `events.time_ns`, `events.attributes`, `links.trace_id`, "
    "`links.span_id`, `links.attributes`, received_at, threshold"
)
UNKNOWN = Static("float", 0.0)
END = "toUnixTimestamp64Nano(start_time) + duration_ns"
JOINS = {
    "resource": ("LEFT ANY JOIN ({resources}) AS r ON s.resource_id = r.r_id"),
    "scope": ("LEFT ANY JOIN ({scopes}) AS c ON s.scope_id = c.s_id"),
    "parent": (
        "LEFT ANY JOIN (SELECT trace_id AS p_trace, span_id AS p_span, attributes AS p_attributes, "
        "resource_id AS p_resource FROM ({base}) ORDER BY start_time LIMIT 1 BY trace_id, span_id) AS p "
        "ON s.trace_id = p.p_trace "
        "AND if(s.parent_span_id = s.span_id, toFixedString('', 8), s.parent_span_id) = p.p_span"
    ),
    "parent_resource": "LEFT ANY JOIN ({parent_resources}) AS pr ON p.p_resource = pr.pr_id",
    "trace": (
        "LEFT ANY JOIN (SELECT trace_id AS t_trace, "
        f"max({END}) - min(toUnixTimestamp64Nano(start_time)) AS trace_duration_ns, "
        "argMin(name, (parent_span_id != toFixedString('', 8), start_time)) AS root_name, "
        "argMin(service, (parent_span_id != toFixedString('', 8), start_time)) AS root_service "
        "FROM ({base}) GROUP BY trace_id) AS t ON s.trace_id = t.t_trace"
    ),
}


def walk(stage: Stage | Pipeline) -> Iterator[Stage]:
    """A stage and those within it."""
    yield stage
    if isinstance(stage, Pipeline):
        for inner in stage.stages:
            yield from walk(inner)
    elif isinstance(stage, Combined):
        yield from walk(stage.left)
        yield from walk(stage.right)


def filters_of(query: Query) -> list[Field | None]:
    """The conditions of all filters, each once; also what compare() sets apart."""
    chosen = [query.metrics.chosen] if query.metrics and query.metrics.chosen else []
    stages = [*walk(query.pipeline), *chosen]
    return list(dict.fromkeys(stage.condition for stage in stages if isinstance(stage, Filter)))


def numbers_of(query: Query) -> list[Field]:
    """Fields that aggregates compute with."""
    found: list[Field] = []
    for stage in walk(query.pipeline):
        if isinstance(stage, ScalarFilter):
            for side in (stage.left, stage.right):
                found += _in_scalar(side)
    return list(dict.fromkeys(found))


def _in_scalar(scalar: Scalar) -> list[Field]:
    match scalar:
        case Aggregate(expr=expr):
            return [expr] if expr is not None else []
        case Computed(left=left, right=right):
            return [*_in_scalar(left), *_in_scalar(right)]
        case _:
            return []


def groups_of(query: Query) -> list[Field]:
    """Fields that spans are grouped by."""
    return list(dict.fromkeys(stage.expr for stage in walk(query.pipeline) if isinstance(stage, By)))


def shown_fields(query: Query) -> list[Field]:
    """Attributes and intrinsics that answers show: those that are asked for, grouped by or selected."""
    found: list[Field] = []
    for stage in walk(query.pipeline):
        if isinstance(stage, Filter):
            found += _attributes_in(stage.condition)
        elif isinstance(stage, By):
            found.append(stage.expr)
        elif isinstance(stage, Select):
            found += stage.fields
    return list(dict.fromkeys(found))


def _attributes_in(expr: Field | None) -> list[Field]:
    match expr:
        case Binary(left=left, right=right):
            return [*_attributes_in(left), *_attributes_in(right)]
        case Unary(expr=inner):
            return _attributes_in(inner)
        case None | Static():
            return []
        case _:
            return [expr]


def is_single(query: Query) -> bool:
    """Whether it asks each span alone: one filter after another, of what a span's row tells."""
    stages = query.pipeline.stages
    return all(
        isinstance(stage, Select) or (isinstance(stage, Filter) and is_local(stage.condition)) for stage in stages
    )


def necessary(query: Query, fields: Fields) -> str:
    """SQL: a condition that some span of each trace that is found meets."""
    found = [_necessary(stage, fields) for stage in query.pipeline.stages]
    if is_single(query):
        return " AND ".join(part for part in found if part) or "1"
    return found[0] or "1"


def _necessary(stage: Stage, fields: Fields) -> str:
    match stage:
        case Filter(condition=condition):
            return fields.condition(condition)
        case Pipeline(stages=stages):
            return _necessary(stages[0], fields)
        case Combined(op="||", left=left, right=right):
            return f"({_necessary(left, fields)} OR {_necessary(right, fields)})"
        case Combined(op=op, left=left, right=right):
            sides = [_necessary(right, fields), _necessary(left, fields)]
            return sides[0] if op.startswith("!") or sides[0] != "1" else sides[1]
        case _:
            return ""


def select_from(scope: Scope, fields: Fields, base: str) -> str:
    """FROM: the spans, with what the fields that were compiled need beside them."""
    resources = scope.without_time().select("resources", "id AS r_id, attributes AS r_attributes", tail="LIMIT 1 BY id")
    parents = scope.without_time().select("resources", "id AS pr_id, attributes AS pr_attributes", tail="LIMIT 1 BY id")
    scopes = scope.without_time().select(
        "scopes", "id AS s_id, name AS s_name, version AS s_version, attributes AS s_attributes", tail="LIMIT 1 BY id"
    )
    joins = [
        text.format(resources=resources, parent_resources=parents, scopes=scopes, base=base)
        for name, text in JOINS.items()
        if name in fields.joins
    ]
    return f"({base}) AS s {' '.join(joins)}"


def weight_of(scope: Scope) -> str:
    """SQL: how many spans one stands for; those that rest in the recent window are all there."""
    weight = adjusted_count_of("threshold")
    if "spans_recent" in scope.recent:
        weight = f"if(received_at >= ({RECENT_SINCE}), 1, {weight})"
    return f"toFloat64({weight})"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the engine computes for a query; the rest follows from places."""

    conditions: list[Field | None]
    numbers: list[Field]
    groups: list[Field]
    shown: list[Field]


def asked_of(query: Query) -> Asked:
    """Each once; `shown` has a number that stands for what follows from places."""
    conditions: list[Field] = []
    numbers: list[Field] = []
    for condition in filters_of(query):
        if condition is not None:
            parts_of(condition, conditions, numbers)
    measured = [query.metrics.expr] if query.metrics and query.metrics.expr else []
    for number in [*numbers_of(query), *(each for each in [*groups_of(query), *measured] if needs_place(each))]:
        numbers += numbers_in(number)
    everything = [None] if None in filters_of(query) else []
    return Asked(
        list(dict.fromkeys([*everything, *conditions])),
        list(dict.fromkeys(numbers)),
        [each for each in groups_of(query) if not needs_place(each)],
        [known(each) for each in shown_fields(query)],
    )


def known(field: Field) -> Field:
    """The field, or a number that stands for what follows from a place."""
    return UNKNOWN if needs_place(field) else field


def compile_spans(
    scope: Scope, query: Query, traces: Sequence[bytes], more: Callable[[Fields], list[str]] | None = None
) -> str:
    """SQL: the spans of these traces, with a column for each filter (f0...), number (n...), group (g...), shown (v...).

    Those of the scope's time range, and of what lies around it (`TimeRange.of_whole_traces`).
    `more` compiles further columns.
    """
    fields, asked = Fields(scope), asked_of(query)
    assert scope.between is not None
    around = scope.between.of_whole_traces
    where = [*scope.time_bounds("start_time", around.start_ns, around.end_ns), f"trace_id IN {scope.bind_ids(traces)}"]
    base = scope.without_time().select_spans(READ, where)
    columns = [
        "trace_id",
        "reinterpretAsUInt64(reverse(span_id)) AS span",
        "reinterpretAsUInt64(reverse(parent_span_id)) AS parent",
        "span_id",
        "name",
        "toUnixTimestamp64Nano(start_time) AS start_ns",
        "duration_ns",
        *(f"toBool({fields.condition(each)}) AS f{number}" for number, each in enumerate(asked.conditions)),
        *(f"{fields.number(each)} AS n{number}" for number, each in enumerate(asked.numbers)),
        *(f"cityHash64(toString({fields.text(each)})) AS g{number}" for number, each in enumerate(asked.groups)),
        *(f"{fields.text(each)} AS v{number}" for number, each in enumerate(asked.shown)),
        *(more(fields) if more else ()),
    ]
    return f"SELECT {', '.join(columns)} FROM {select_from(scope, fields, base)} ORDER BY trace_id, start_ns"


def make_table(query: Query, found: pa.Table) -> tuple[Table, Places]:
    """The table of `compile_spans`, and what tells the places of its spans."""
    ids = found["trace_id"].combine_chunks()
    raw = np.frombuffer(b"".join(ids.to_pylist()), dtype="S16") if len(ids) else np.zeros(0, dtype="S16")
    changes = np.concatenate([[False], raw[1:] != raw[:-1]]) if len(raw) else np.zeros(0, dtype=bool)
    trace = np.cumsum(changes).astype(np.int64)
    asked = asked_of(query)
    table = Table(trace, _array(found, "span", np.uint64), _array(found, "parent", np.uint64), {}, {}, {})
    conditions = {each: _array(found, f"f{number}", np.bool_) for number, each in enumerate(asked.conditions)}
    numbers = {each: _array(found, f"n{number}", np.float64) for number, each in enumerate(asked.numbers)}
    places = Places(table, conditions, numbers)
    table.filters.update({each: places.holds(each) for each in filters_of(query)})
    table.numbers.update({each: places.number(each) for each in numbers_of(query)})
    table.groups.update({each: _codes(_array(found, f"g{n}", np.uint64)) for n, each in enumerate(asked.groups)})
    table.groups.update({each: _codes(places.number(each)) for each in groups_of(query) if needs_place(each)})
    return table, places


def _array(found: pa.Table, name: str, kind: Any) -> npt.NDArray[Any]:
    column = found[name].combine_chunks()
    if kind is np.float64:
        column = column.fill_null(float("nan"))
    return np.asarray(column.to_numpy(zero_copy_only=False)).astype(kind)


def _codes(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def fill_places(found: pa.Table, places: Places, columns: Mapping[str, Field]) -> pa.Table:
    """The columns of these names, where what they show follows from a span's place."""
    for name, each in columns.items():
        if needs_place(each):
            values = pa.array(places.number(each), from_pandas=True)
            found = found.set_column(found.schema.get_field_index(name), name, values)
    return found
