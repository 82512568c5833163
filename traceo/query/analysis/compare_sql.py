"""The statements of a comparison: which traces are in which set, and what their spans say.

Set 0 is the selection, 1 the baseline. A trace that is in both is in the selection. Attribute values are grouped as
they are encoded, and become text when they are few. What of the sets is bound beside a statement: `total_0` and
`total_1`, the traces that they stand for; `size_0` and `size_1`, how many equal traces tell as much; `members_0`, how
many traces are in the selection, those of the numbers from 1 on, of `members_all`.
"""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from traceo.query.analysis.selection import Selection, conditions, weight_of
from traceo.query.analysis.statistics import SMALL
from traceo.query.services import KINDS, STATUSES
from traceo.query.sql import Scope, TimeRange
from traceo.query.traceql.reading import READ
from traceo.store.attributes import double_of, int_of, text_of

MAX_VALUES, MAX_KEYS = 25, 2000  # of a key that are shown; of numbers, and of operations
MAX_ROWS = 50_000
LEAST_NUMBERS = 5  # traces of each side, for their numbers to be compared


def name_of(column: str, names: dict[int, str]) -> str:
    """SQL: the name of a code."""
    codes, texts = ", ".join(map(str, names)), ", ".join(f"'{name}'" for name in names.values())
    return f"transform(toInt16({column}), [{codes}], [{texts}], toString({column}))"


# What of a span is no attribute, with its place: [place, key, encoded value]; the empty place is its own.
INTRINSICS = (
    ("service", "service"),
    ("operation", "concat(service, ': ', name)"),
    ("kind", f"concat(service, ': ', {name_of('kind', KINDS)})"),
    ("status", f"concat(service, ': ', {name_of('status_code', STATUSES)})"),
)
SPAN_COLUMNS = (
    "trace_id, service, name, kind, status_code, start_time, duration_ns, resource_id, attributes, received_at, "
    "threshold"
)
# Of `numbers`, the traces with a value: a tenth of the time of an array of values a trace.
COUNTS = (
    "arrayCount(n -> n <= {members_0:UInt32}, numbers) AS traces_0, length(numbers) - traces_0 AS traces_1, "
    "arraySum(n -> if(n <= {members_0:UInt32}, weights[n], 0), numbers) AS weight_0, "
    "arraySum(n -> if(n <= {members_0:UInt32}, 0, weights[n]), numbers) AS weight_1"
)
# Pearson's chi-square of a key's values, each a cell of its own where at least SMALL traces are expected in the smaller
# set. Which ones these are does not depend on how the values differ, so the test is not biased by the choice.
TOLD = (
    "weight_0 * {size_0:Float64} / {total_0:Float64} AS seen_0, "
    "weight_1 * {size_1:Float64} / {total_1:Float64} AS seen_1, "
    "{size_0:Float64} / ({size_0:Float64} + {size_1:Float64}) AS part, seen_0 + seen_1 AS seen, "
    f"NOT present AND seen * least(part, 1 - part) >= {SMALL} AS told, countIf(told) OVER by_key AS told_values, "
    "sumIf(pow(seen_0 - seen * part, 2) / (seen * part * (1 - part)), told) OVER by_key AS square, "
    "sumIf(seen_0, told) OVER by_key AS told_0, sumIf(seen_1, told) OVER by_key AS told_1, "
    "sumIf(seen_0, NOT told AND NOT present) OVER by_key AS rest_0, "
    "sumIf(seen_1, NOT told AND NOT present) OVER by_key AS rest_1"
)


@dataclass(frozen=True, slots=True)
class Sets:
    """Two selections, resolved; `whole`: all spans of the traces count, not only matching ones.

    `members` are the traces, once they are known: see `write_members`.
    """

    selection: Selection
    baseline: Selection
    whole: bool
    max_traces: int
    members: str = ""

    @property
    def between(self) -> TimeRange:
        """In which all spans lie."""
        one, two = self.selection.between, self.baseline.between
        both = TimeRange(min(one.start_ns, two.start_ns), max(one.end_ns, two.end_ns))
        return both.of_whole_traces


def compile_members(scope: Scope, sets: Sets, recent: frozenset[str]) -> str:
    """SQL: trace_id, side, weight of up to `max_traces` a side, by the hash of their ids; `found`: of how many."""
    return (
        "SELECT trace_id, side, weight, found FROM (SELECT *, count() OVER (PARTITION BY side) AS found "
        f"FROM ({_compile_all(scope, sets, recent)})) "
        f"ORDER BY cityHash64(trace_id) LIMIT {int(sets.max_traces)} BY side"
    )


def write_members(trace_ids: Sequence[bytes], weights: Sequence[float]) -> str:
    """Ids, then weights if not all are 1: in base64, because the engine's planner takes its time for a long text."""
    told = b"" if set(weights) <= {1.0} else struct.pack(f"<{len(weights)}d", *weights)
    return base64.b64encode(b"".join([*trace_ids, told])).decode()


def compile_sets(scope: Scope, sets: Sets) -> str:
    """SQL: number (from 1 on), trace_id, side, weight of `sets.members`."""
    scope.params["members"] = sets.members
    ids, weights = "substring(told, 1, 16 * {members_all:UInt32})", "substring(told, 16 * {members_all:UInt32} + 1)"
    return (
        "SELECT number, trace_id, toUInt8(number > {members_0:UInt32}) AS side, weight FROM ("
        f"SELECT reinterpret({ids}, 'Array(FixedString(16))') AS ids, if({weights} = '', "
        f"arrayWithConstant({{members_all:UInt32}}, 1.), reinterpret({weights}, 'Array(Float64)')) AS weights "
        "FROM (SELECT base64Decode(materialize({members:String})) AS told)) "
        "ARRAY JOIN ids AS trace_id, weights AS weight, arrayEnumerate(ids) AS number"
    )


def _compile_all(scope: Scope, sets: Sets, recent: frozenset[str]) -> str:
    parts = []
    for side, chosen in enumerate((sets.selection, sets.baseline)):
        spans = scope.select_spans("trace_id, received_at, threshold", _matching(scope, chosen))
        parts.append(f"SELECT trace_id, toUInt8({side}) AS side, {weight_of(recent)} AS weight FROM ({spans})")
    both = " UNION ALL ".join(parts)
    return f"SELECT trace_id, min(side) AS side, max(weight) AS weight FROM ({both}) GROUP BY trace_id"


def _matching(scope: Scope, chosen: Selection) -> list[str]:
    return [
        *scope.time_bounds("start_time", chosen.between.start_ns, chosen.between.end_ns),
        *conditions(scope, chosen),
    ]


def compile_spans(scope: Scope, sets: Sets, columns: str) -> str:
    """SQL: columns of the spans that count, with their trace's number, side and weight."""
    chosen = compile_sets(scope, sets)
    bounds = scope.time_bounds("start_time", sets.between.start_ns, sets.between.end_ns)
    told = any(side.meant for side in (sets.selection, sets.baseline)) and not sets.whole
    source = scope.select_spans(
        READ if told else SPAN_COLUMNS, [*bounds, f"trace_id IN (SELECT trace_id FROM ({chosen}))"]
    )
    condition = ""
    if not sets.whole:
        one, two = (" AND ".join(_matching(scope, side)) for side in (sets.selection, sets.baseline))
        condition = f" WHERE (side = 0 AND {one}) OR (side = 1 AND {two})"
    return (
        f"SELECT {columns}, number, trace_id, side, weight FROM ({source}) AS spans "
        f"INNER JOIN ({chosen}) AS chosen ON spans.trace_id = chosen.trace_id{condition}"
    )


def compile_values(scope: Scope, sets: Sets) -> str:
    """SQL: place, key, value with the traces of each side that have it, the best told apart first of each key.

    `distinct_values`, `all_weight_*`, and what a test of all values needs (see TOLD) are of the whole key.
    """
    names, own = ", ".join(f"'{name}'" for name, _ in INTRINSICS), ", ".join(value for _, value in INTRINSICS)
    of_span = (
        f"SELECT number, if(nth > {len(INTRINSICS)}, 'span', '') AS place, key, value FROM "
        f"({compile_spans(scope, sets, 'service, name, kind, status_code, attributes')}) ARRAY JOIN "
        f"arrayConcat([{names}], CAST(mapKeys(attributes), 'Array(String)')) AS key, "
        f"arrayConcat([{own}], mapValues(attributes)) AS value, "
        f"range(1, length(attributes) + {len(INTRINSICS) + 1}) AS nth"
    )
    bag = scope.select("resources", "id, attributes AS found", tail="LIMIT 1 BY id")
    of_resource = (
        "SELECT number, 'resource' AS place, toString(name) AS key, value FROM "
        f"(SELECT DISTINCT number, resource_id FROM ({compile_spans(scope, sets, 'resource_id')})) AS used "
        f"INNER JOIN ({bag}) AS bag ON used.resource_id = bag.id ARRAY JOIN mapKeys(found) AS name, "
        "mapValues(found) AS value"
    )
    grouped = (
        "SELECT place, key, value, GROUPING(value) = 1 AS present, groupUniqArray(number) AS numbers "
        f"FROM ({of_span} UNION ALL {of_resource}) GROUP BY GROUPING SETS ((place, key, value), (place, key)) "
        "HAVING NOT present OR place != ''"
    )
    weights = f"(SELECT groupArray(weight) FROM (SELECT weight FROM ({compile_sets(scope, sets)}) ORDER BY number))"
    counted = f"WITH {weights} AS weights SELECT place, key, value, present, {COUNTS} FROM ({grouped})"
    ranked = (
        "SELECT *, countIf(NOT present) OVER by_key AS distinct_values, "
        "sumIf(weight_0, NOT present) OVER by_key AS all_weight_0, "
        f"sumIf(weight_1, NOT present) OVER by_key AS all_weight_1, {TOLD} "
        f"FROM ({counted}) WINDOW by_key AS (PARTITION BY place, key)"
    )
    return (
        f"SELECT *, multiIf(present, '', place = '', value, {text_of('value')}) AS shown FROM "
        f"(SELECT * FROM ({ranked}) "
        "ORDER BY present DESC, abs(weight_0 / {total_0:Float64} - weight_1 / {total_1:Float64}) DESC, value "
        f"LIMIT {MAX_VALUES + 1} BY place, key LIMIT {MAX_ROWS})"
    )


def compile_numbers(scope: Scope, sets: Sets) -> str:
    """SQL: for each attribute that is a number, whether the sides differ in size or spread; a trace has its largest."""
    spans = compile_spans(scope, sets, "attributes")
    number = f"if(startsWith(value, '!'), {double_of('value')}, toFloat64({int_of('value')}))"
    values = (
        f"SELECT key, trace_id, side, max({number}) AS number FROM (SELECT trace_id, side, attributes FROM ({spans})) "
        "ARRAY JOIN mapKeys(attributes) AS key, mapValues(attributes) AS value "
        "WHERE (startsWith(value, '\\x18') OR startsWith(value, '!')) GROUP BY key, trace_id, side"
    )
    return _compile_ranks(values, "toString(key) AS key", "key")


def compile_durations(scope: Scope, sets: Sets) -> str:
    """SQL: the same of how long each operation took in a trace, in all of its spans together; milliseconds."""
    spans = compile_spans(scope, sets, "service, name, duration_ns")
    values = (
        "SELECT service, name, trace_id, side, sum(duration_ns) / 1e6 AS number "
        f"FROM ({spans}) GROUP BY service, name, trace_id, side"
    )
    return _compile_ranks(values, "toString(service) AS service, toString(name) AS operation", "service, name")


def _compile_ranks(values: str, columns: str, keys: str) -> str:
    """The engine refuses to test a key of which one side has nothing: such a key is left out."""
    return (
        f"SELECT {columns}, countIf(side = 0) AS traces_0, countIf(side = 1) AS traces_1, "
        "mannWhitneyUTest('two-sided', 1)(number, side) AS ranks, "
        "kolmogorovSmirnovTest('two-sided', 'asymp')(number, side) AS curves, "
        "quantileExactIf(0.5)(number, side = 0) AS median_0, quantileExactIf(0.5)(number, side = 1) AS median_1 FROM "
        f"(SELECT *, countIf(side = 0) OVER of_key AS n_0, countIf(side = 1) OVER of_key AS n_1 FROM ({values}) "
        f"WHERE isFinite(number) WINDOW of_key AS (PARTITION BY {keys})) "
        f"WHERE n_0 >= {LEAST_NUMBERS} AND n_1 >= {LEAST_NUMBERS} GROUP BY {keys} "
        f"HAVING uniqExact(number) > 1 ORDER BY traces_0 + traces_1 DESC LIMIT {MAX_KEYS}"
    )
