"""Sampling by key: frequent keys are thinned more than rare ones, so that each is seen.

A key with a moving average of n traces an interval gets a goal in proportion to ln(1 + n), as in Honeycomb's Refinery;
what rare keys do not use goes to the others, exactly: the level L solves sum(min(n, L ln(1 + n))) = the goal of all.
Of a key is kept the share min(1, L ln(1 + n) / n), which is a threshold.
"""

from fractions import Fraction

from traceo.sampling.columns import IS_ROOT, SpanColumns
from traceo.sampling.model import Dynamic
from traceo.sampling.ottl.paths import resolve_key
from traceo.sampling.ottl.values import Value
from traceo.sampling.thresholds import ALWAYS, NEVER, threshold_of_share
from traceo.store.attributes import text_of

MAX_VALUES = 20  # of a field that differs within a trace; more would be a key of its own each


def key_of_trace(rule: Dynamic, columns: SpanColumns) -> str:
    """SQL, an aggregate over a trace's spans: each field's values in order, fields apart by ` | `.

    A field of the root is the root's; any other is the list of all its values in the trace.
    """
    fields = [_field_of_trace(*resolve_key(text, columns), columns) for text in rule.keys]
    separated = ", ' | ', ".join(fields)
    return fields[0] if len(fields) == 1 else f"concat({separated})"


def _field_of_trace(root: bool, value: Value, columns: SpanColumns) -> str:
    shown = text_of(value.sql) if value.kind == "any" else f"toString({value.sql})"
    resource = columns.column("resource_id") if value.side == "resource" else ""
    if root:
        columns.column("parent_span_id")
        return f"maxIf({columns.resource_value(resource, shown) if resource else shown}, {IS_ROOT})"
    values = f"groupUniqArray({resource or shown})"
    if resource:
        values = f"arrayDistinct(arrayMap(x -> {columns.resource_value('x', shown)}, {values}))"
    return f"arrayStringConcat(arraySlice(arraySort(arrayFilter(x -> x != '', {values})), 1, {MAX_VALUES}), ', ')"


def thresholds_by_key(rule: Dynamic, counts: str) -> str:
    """SELECT key, threshold, kept, known (always 1), from a SELECT of key, traces, kept.

    `traces` are the moving averages an interval, `kept` those that were kept in the last one.
    """
    total = "(sum(traces) OVER ())"
    goal = (
        f"{total} / {rule.target_rate}"
        if rule.target_rate
        else f"{rule.target_throughput * rule.adjustment_interval:g}"
    )
    smaller = "ORDER BY traces, key ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    # The weights of the others: of all, less those of the smaller. A frame whose beginning moves would be summed anew
    # for every key.
    others = f"(sum(weight) OVER () - sum(weight) OVER ({smaller}))"
    weights = f"SELECT key, kept, toFloat64(traces) AS traces, log1p(traces) AS weight FROM ({counts}) WHERE traces > 0"
    own_level = f"({goal} - sum(traces) OVER ({smaller})) / {others}"
    levels = f"SELECT key, kept, traces, weight, {own_level} AS own_level FROM ({weights})"
    share = "least(1, greatest(0, max(own_level) OVER ()) * weight / traces)"
    return f"SELECT key, toUInt64({NEVER} - toUInt64({share} * {NEVER})) AS threshold, kept, 1 AS known FROM ({levels})"


def threshold_of_unknown(rule: Dynamic, counts: str) -> str:
    """SQL: a key that no average knows is new, and kept; before there is any average, all are thinned alike."""
    if not rule.target_rate:
        return str(ALWAYS)
    alike = threshold_of_share(1 / Fraction(str(rule.target_rate)))
    return f"if((SELECT count() FROM ({counts})) = 0, {alike}, {ALWAYS})" if counts else str(alike)
