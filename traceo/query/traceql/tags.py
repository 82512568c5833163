"""Names and values of attributes and intrinsics, of the spans that a query's first filter means."""

from __future__ import annotations

from functools import partial
from typing import Any

from traceo.errors import ParseError
from traceo.query.run import Queries
from traceo.query.sql import Scope, TimeRange
from traceo.query.traceql.arrays import over_arrays
from traceo.query.traceql.ast import Attribute, Filter, Query
from traceo.query.traceql.field_parser import INTRINSICS, SCOPED
from traceo.query.traceql.fields import LISTS, NESTED, Fields
from traceo.query.traceql.parser import parse_traceql
from traceo.query.traceql.places import is_place
from traceo.query.traceql.reading import READ, necessary, select_from
from traceo.query.traceql.search import show_value
from traceo.store.attributes import decode_text

MAX_NAMES, MAX_VALUES = 5000, 1000
INTRINSIC_NAMES = sorted({*(name for name in INTRINSICS if not name.startswith("nested")), *SCOPED})


async def tag_names(queries: Queries, tenant: str, between: TimeRange) -> dict[str, list[str]]:
    """Names by scope: resource, span, event, link, instrumentation and intrinsic."""

    async def read(recent: frozenset[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for scope_name in ("resource", "span", "event", "link", "instrumentation"):
            scope = Scope(tenant, between, recent=recent)
            rows = await queries.rows(scope, f"{_names(scope, scope_name)} ORDER BY name LIMIT {MAX_NAMES}")
            found[scope_name] = [decode_text(row["name"]) for row in rows]
        return found

    return {**await queries.over_recent(["spans_recent"], read), "intrinsic": INTRINSIC_NAMES}


def _names(scope: Scope, name: str) -> str:
    if name in ("resource", "instrumentation"):
        column = "resource_id" if name == "resource" else "scope_id"
        seen = f"SELECT DISTINCT {column} FROM ({scope.select_spans(column)})"
        table = "resources" if name == "resource" else "scopes"
        return scope.without_time().select(
            table, "DISTINCT arrayJoin(mapKeys(attributes)) AS name", [f"id IN ({seen})"]
        )
    if name == "span":
        return f"SELECT DISTINCT arrayJoin(mapKeys(attributes)) AS name FROM ({scope.select_spans('attributes')})"
    names = f"arrayJoin(arrayFlatten(arrayMap(m -> mapKeys(m), {NESTED[name]})))"
    return f"SELECT DISTINCT {names} AS name FROM ({scope.select_spans(NESTED[name])})"


def parse_tag(text: str) -> Attribute:
    """`span.x`, `.x`, `name`, `event:name`; a bare name is an attribute of any scope. Raises ParseError."""
    bare = text not in INTRINSICS and ":" not in text and not text.startswith(".")
    for candidate in (text, f".{text}") if bare else (text,):
        try:
            stage = parse_traceql(f"{{ {candidate} != nil }}").pipeline.stages[0]
        except ParseError:
            continue
        condition = stage.condition if isinstance(stage, Filter) else None
        left = getattr(condition, "left", None)
        if isinstance(left, Attribute):
            return left
    raise ParseError(f"{text[:80]!r} is no tag", hint="span.name, resource.name, .name or an intrinsic")


async def tag_values(queries: Queries, tenant: str, name: str, text: str, between: TimeRange) -> list[Any]:
    """Values of a tag, the most frequent first; `text` is a query or empty."""
    attribute = parse_tag(name)
    if is_place(attribute):  # no span's row tells it
        return []

    async def read(query: Query, recent: frozenset[str]) -> list[Any]:
        scope = Scope(tenant, between, recent=recent)
        fields = Fields(scope)
        where = [necessary(query, Fields(scope, possible=True))]
        value = fields.text(attribute)
        base = scope.select_spans(READ, where)
        if attribute.intrinsic and attribute.name in LISTS:
            column, _, item = LISTS[attribute.name]
            rows = f"SELECT arrayJoin(arrayMap(item -> {item}, {column})) AS value FROM ({base})"
        else:
            rows = f"SELECT {value} AS value FROM {select_from(scope, fields, base)}"
        sql = f"SELECT value, count() AS n FROM ({rows}) GROUP BY value ORDER BY n DESC, value LIMIT {MAX_VALUES}"
        found = [show_value(attribute, row["value"]) for row in await queries.rows(scope, sql)]
        return [each for each in found if each is not None]

    async def run(recent: frozenset[str]) -> list[Any]:
        scope = Scope(tenant, recent=recent)
        parse = partial(parse_traceql, text or "{ }")
        return await over_arrays(queries, scope, parse, lambda query: read(query, recent))

    return await queries.over_recent(["spans_recent"], run)
