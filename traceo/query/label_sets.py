"""What series there are, as Prometheus' API asks for them: names of labels, values of one, whole series.

Each question has sets of matchers: a series counts that satisfies all matchers of one set. No set: all series.
Times are looked at by day: a series is there if it received points on the day of `start_ms` or later.
"""

from collections.abc import Sequence
from typing import Any

from traceo.errors import ParseError
from traceo.query.promql.ast import Matcher, Node, Selector, When, walk
from traceo.query.promql.parser import parse_promql
from traceo.query.promql.selectors import condition
from traceo.query.run import Queries, Row
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text

NAME = "__name__"
MAX_MS = (1 << 63) // 10**6 - 1
NOTHING_SAID = "vector selector must contain at least one non-empty matcher"
EVERYTHING = "match[] must contain at least one non-empty matcher"
NOT_A_SELECTOR = "1:1: parse error: unexpected expression: a series selector was expected"
NAMES = "groupUniqArrayArray(mapKeys(labels)) AS found, count() AS series"
ALL_NAMES = "groupUniqArray(name) AS found, count() AS series"

MatcherSets = Sequence[tuple[Matcher, ...]]


def parse_selector(text: str) -> Selector:
    """A selector such as `up{job="api"}`. Raises ParseError, with Prometheus' text where it has one."""
    try:
        node = parse_promql(text)
    except ParseError as error:
        raise ParseError(EVERYTHING) if error.message.endswith(NOTHING_SAID) else error from error
    if not isinstance(node, Selector) or node.when != When() or node.extension:
        raise ParseError(NOT_A_SELECTOR)
    return node


def selected_metrics(node: Node) -> set[str]:
    """Names of the metrics that an expression asks for, as far as it names them."""
    selectors = [found for found in walk(node) if isinstance(found, Selector)]
    named = [matcher for found in selectors for matcher in found.matchers if matcher.name == NAME]
    return {matcher.value for matcher in named if matcher.op == "="}


async def list_label_names(queries: Queries, tenant: str, sets: MatcherSets, start_ms: int, end_ms: int) -> list[str]:
    """Names of labels, in order."""
    scope = scope_of(tenant, start_ms, end_ms)
    sql = scope.select("label_sets", NAMES, any_set(scope, sets)) if sets else scope.select("label_values", ALL_NAMES)
    (row,) = await queries.rows(scope, sql)
    names = {decode_text(name) for name in row["found"]}
    return sorted(names | {NAME}) if row["series"] else []


async def list_label_values(
    queries: Queries, tenant: str, name: str, sets: MatcherSets, start_ms: int, end_ms: int
) -> list[str]:
    """Values of a label, in order."""
    scope = scope_of(tenant, start_ms, end_ms)
    (row,) = await queries.rows(scope, _compile_values(scope, name, sets))
    return sorted(decode_text(value) for value in row["found"] if value)


def _compile_values(scope: Scope, name: str, sets: MatcherSets) -> str:
    label = scope.bind(name)
    if name != NAME and not sets:
        return scope.select("label_values", "groupUniqArray(value) AS found", [f"name = {label}"])
    column = "metric" if name == NAME else f"labels[{label}]"
    return scope.select("label_sets", f"groupUniqArray({column}) AS found", any_set(scope, sets))


async def list_label_sets(
    queries: Queries, tenant: str, sets: MatcherSets, start_ms: int, end_ms: int, limit: int = 0
) -> list[dict[str, str]]:
    """Labels of each series, its name among them, in order; at most `limit` (0: all)."""
    scope = scope_of(tenant, start_ms, end_ms)
    tail = f"ORDER BY metric, series_id LIMIT 1 BY metric, series_id{f' LIMIT {int(limit)}' if limit else ''}"
    rows = await queries.rows(scope, scope.select("label_sets", "metric, labels", any_set(scope, sets), tail))
    return sorted(map(labels_of, rows), key=lambda labels: list(labels.items()))


def labels_of(row: Row) -> dict[str, str]:
    """The labels of a row with `metric` and `labels`, in order of their names."""
    labels: dict[str, Any] = {decode_text(name): decode_text(value) for name, value in row["labels"].items()}
    return dict(sorted({NAME: decode_text(row["metric"]), **labels}.items()))


def scope_of(tenant: str, start_ms: int, end_ms: int) -> Scope:
    """From `start_ms` to `end_ms`, both included; times that no engine can hold are brought into its bounds."""
    start, end = (max(-MAX_MS, min(time, MAX_MS - 1)) for time in (start_ms, end_ms))
    return Scope(tenant, TimeRange(start * 10**6, (max(start, end) + 1) * 10**6))


def any_set(scope: Scope, sets: MatcherSets) -> list[str]:
    """Conditions: one of the sets is satisfied."""
    if not sets:
        return []
    return [" OR ".join(f"({' AND '.join(condition(scope, matchers))})" for matchers in sets).join("()")]
