"""The search for traces: candidates by what one span tells, newest first, then exactly, some hundreds at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from traceo.query.run import Queries, Row, as_bytes
from traceo.query.search import windows
from traceo.query.sql import Scope, TimeRange
from traceo.query.traceql.arrays import over_arrays
from traceo.query.traceql.ast import Attribute, By, Field, Query
from traceo.query.traceql.candidates import MAX_CANDIDATES, compile_candidates, slices
from traceo.query.traceql.check import type_of
from traceo.query.traceql.field_parser import INTRINSICS, KINDS, STATUSES
from traceo.query.traceql.parser import parse_traceql
from traceo.query.traceql.reading import compile_spans, fill_places, is_single, make_table, shown_fields
from traceo.query.traceql.structure import evaluate
from traceo.store.attributes import decode_text, decode_value

FIRST_BATCH, LARGEST_BATCH = 200, 5000
SHORT = {scoped: name for name, scoped in INTRINSICS.items()}
NAMES: dict[str, dict[int, str]] = {
    "status": {code: name for name, code in STATUSES.items()},
    "kind": {code: name for name, code in KINDS.items()},
}
SUMMARY = """
SELECT trace_id, argMin(service, (parent_span_id != toFixedString('', 8), start_time)) AS root_service,
    argMin(name, (parent_span_id != toFixedString('', 8), start_time)) AS root_name,
    toUnixTimestamp64Nano(min(start_time)) AS start_ns,
    max(toUnixTimestamp64Nano(start_time) + duration_ns) - start_ns AS duration_ns,
    sumMap(map(toString(service), 1)) AS spans, sumMap(map(toString(service), toUInt64(status_code = 2))) AS errors
FROM ({spans}) GROUP BY trace_id
"""


@dataclass(frozen=True, slots=True)
class FoundSpan:
    """A span that was meant, with the fields that the query names."""

    span_id: str
    name: str
    start_ns: int
    duration_ns: int
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpanSet:
    """A group of a trace's spans: how many were meant, some of them, and the values that they were grouped by."""

    matched: int
    spans: list[FoundSpan]
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundTrace:
    """A trace; `services` has its spans and errors by service."""

    trace_id: str
    root_service: str
    root_name: str
    start_ns: int
    duration_ns: int
    sets: list[SpanSet]
    services: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class FoundTraces:
    """Newest first. `complete`: all candidates of the range were looked at, or there were enough."""

    traces: list[FoundTrace]
    candidates: int = 0
    complete: bool = True


async def search_traces(
    queries: Queries, tenant: str, text: str, between: TimeRange, *, limit: int = 20, spans_per_set: int = 3
) -> FoundTraces:
    """Traces that a query means. Raises ParseError, UnsupportedQuery, LimitExceeded."""

    async def run(recent: frozenset[str]) -> FoundTraces:
        async def search(query: Query) -> FoundTraces:
            return await _Search(queries, tenant, query, between, recent, limit, spans_per_set).run()

        return await over_arrays(queries, Scope(tenant, recent=recent), partial(parse_traceql, text), search)

    return await queries.over_recent(["spans_recent"], run)


@dataclass(frozen=True, slots=True)
class _Search:
    queries: Queries
    tenant: str
    query: Query
    between: TimeRange
    recent: frozenset[str]
    limit: int
    spans_per_set: int

    async def run(self) -> FoundTraces:
        if is_single(self.query):
            for window in windows(self.between):
                ids = await self._candidates(window, self.limit)
                if len(ids) >= self.limit:
                    break
            sets = await self._sets(ids, window)
            return FoundTraces(await self._show(ids, sets), len(ids))
        return await self._by_batches()

    async def _by_batches(self) -> FoundTraces:
        """Further and further back, in batches that grow, until there are enough."""
        found: dict[bytes, list[SpanSet]] = {}
        order: list[bytes] = []
        seen: set[bytes] = set()
        size = max(FIRST_BATCH, 4 * self.limit)
        for part in slices(self.between):
            ids = [each for each in await self._candidates(part, MAX_CANDIDATES - len(seen)) if each not in seen]
            while ids and len(order) < self.limit:
                batch, ids = ids[:size], ids[size:]
                made = await self._sets(batch, part)
                found |= made
                order += [each for each in batch if each in made]
                seen.update(batch)
                size = min(2 * size, LARGEST_BATCH)
            if len(order) >= self.limit or len(seen) >= MAX_CANDIDATES:
                break
        complete = len(order) >= self.limit or len(seen) < MAX_CANDIDATES
        return FoundTraces(await self._show(order[: self.limit], found), len(seen), complete)

    async def _candidates(self, window: TimeRange, limit: int) -> list[bytes]:
        scope = Scope(self.tenant, window, recent=self.recent)
        sql = compile_candidates(scope, self.query, limit)
        return [row["trace_id"] for row in await self.queries.rows(scope, sql)]

    async def _sets(self, ids: list[bytes], window: TimeRange) -> dict[bytes, list[SpanSet]]:
        """The groups of those traces that are meant; each has a span in the window."""
        if not ids:
            return {}
        scope = Scope(self.tenant, window, recent=self.recent)
        found = as_bytes(await self.queries.table(compile_spans(scope, self.query, ids), dict(scope.params)))
        table, places = make_table(self.query, found)
        found = fill_places(found, places, {f"v{n}": each for n, each in enumerate(shown_fields(self.query))})
        groups = evaluate(self.query.pipeline, table)
        made: dict[bytes, list[SpanSet]] = {}
        member = np.flatnonzero(groups.member)
        if not len(member):
            return made
        order = member[np.argsort(groups.group[member], kind="stable")]
        starts = np.flatnonzero(np.concatenate([[True], np.diff(groups.group[order]) != 0]))
        for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
            rows = found.take(order[start : min(end, start + self.spans_per_set)]).to_pylist()
            trace_id = rows[0]["trace_id"]
            spans = [self._span(row) for row in rows]
            made.setdefault(trace_id, []).append(SpanSet(int(end - start), spans, self._grouped(spans)))
        return made

    def _span(self, row: Row) -> FoundSpan:
        attributes = {}
        for number, each in enumerate(shown_fields(self.query)):
            if isinstance(each, Attribute) and (value := show_value(each, row[f"v{number}"])) is not None:
                attributes[field_name(each)] = value
        return FoundSpan(
            row["span_id"].hex(), decode_text(row["name"]), row["start_ns"], row["duration_ns"], attributes
        )

    def _grouped(self, spans: list[FoundSpan]) -> dict[str, Any]:
        names = [
            field_name(stage.expr)
            for stage in self.query.pipeline.stages
            if isinstance(stage, By) and isinstance(stage.expr, Attribute)
        ]
        return {f"by({name})": spans[0].attributes.get(name) for name in names}

    async def _show(self, ids: list[bytes], sets: dict[bytes, list[SpanSet]]) -> list[FoundTrace]:
        ids = [each for each in ids if each in sets]
        if not ids:
            return []
        around = self.between.of_whole_traces
        scope = Scope(self.tenant, around, recent=self.recent)
        columns = "trace_id, span_id, parent_span_id, service, name, start_time, duration_ns, status_code"
        spans = scope.select_spans(columns, [f"trace_id IN {scope.bind_ids(ids)}"])
        rows = {row["trace_id"]: row for row in await self.queries.rows(scope, SUMMARY.format(spans=spans))}
        return [_found(rows[each], sets[each]) for each in ids if each in rows]


def _found(row: Row, sets: list[SpanSet]) -> FoundTrace:
    services = {
        decode_text(name): (int(count), int(row["errors"].get(name, 0))) for name, count in row["spans"].items()
    }
    return FoundTrace(
        row["trace_id"].hex(),
        decode_text(row["root_service"]),
        decode_text(row["root_name"]),
        row["start_ns"],
        row["duration_ns"],
        sets,
        services,
    )


def field_name(attribute: Attribute) -> str:
    """As Tempo's searches name it: attributes without their scope."""
    return SHORT.get(attribute.name, attribute.name) if attribute.intrinsic else attribute.name


def attribute_name(attribute: Attribute) -> str:
    """As Tempo's labels name it."""
    return field_name(attribute) if attribute.intrinsic else f"{attribute.scope}.{attribute.name}"


def show_value(expr: Field, raw: Any) -> Any:
    """A value for an answer; None: the span has none."""
    kind = type_of(expr)
    if kind == "any":
        if isinstance(expr, Attribute) and expr.name == "service.name" and expr.scope in ("", "resource"):
            return decode_text(raw)
        return decode_value(raw) if raw else None
    if kind in NAMES:
        return NAMES[kind].get(raw, str(raw))
    if kind == "string":
        return decode_text(raw) or None
    if kind == "number":
        return None if raw is None or raw != raw else int(raw) if float(raw).is_integer() else raw
    return raw
