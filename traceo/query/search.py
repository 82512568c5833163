"""The search for traces: candidates through the skip indexes in windows that grow, then summaries of those only.

All conditions are about one span: a trace is found when some span of it meets them all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from traceo.errors import InvalidRequest
from traceo.query.run import Queries, Row
from traceo.query.services import STATUSES
from traceo.query.sql import MINUTE_NS, Scope, TimeRange, adjusted_count_of
from traceo.store.attributes import decode_text

# How far back an unselective search looks first, before the whole range is sorted.
WINDOWS_NS = (2 * MINUTE_NS, 20 * MINUTE_NS, 200 * MINUTE_NS, 24 * 60 * MINUTE_NS)
LOG_WINDOWS_NS = (MINUTE_NS // 2, *WINDOWS_NS)  # there are more lines than traces
STATUS_CODES = {name: code for code, name in STATUSES.items()}
SUMMARY = """
trace_id, toUnixTimestamp64Nano(min(start_time)) AS start_ns,
max(toUnixTimestamp64Nano(start_time) + duration_ns) - start_ns AS duration_ns, count() AS spans,
countIf(status_code = 2) AS errors, groupUniqArray(20)(service) AS services,
argMin(service, (parent_span_id != unhex('0000000000000000'), start_time)) AS root_service,
argMin(name, (parent_span_id != unhex('0000000000000000'), start_time)) AS root_name,
countIf(parent_span_id = unhex('0000000000000000')) > 0 AS has_root
"""
# The trace's threshold is that of its least sampled span.
KEPT = f"max(kept_by) AS kept_by, {adjusted_count_of('min(threshold)')} AS adjusted_count"
SUMMARY_COLUMNS = (
    "trace_id, span_id, parent_span_id, service, name, start_time, duration_ns, status_code, kept_by, threshold"
)


@dataclass(frozen=True, slots=True)
class TraceSearch:
    """What a search asks for; an empty field asks for nothing."""

    between: TimeRange
    service: str = ""
    operation: str = ""
    status: str = ""
    min_duration_ns: int | None = None
    max_duration_ns: int | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    resource: tuple[tuple[str, str], ...] = ()
    limit: int = 20
    after: tuple[int, bytes] | None = None  # the last hit of the page before: its time and trace id


@dataclass(frozen=True, slots=True)
class TracePage:
    """Summaries, newest first, and where the next page begins (None: there is none)."""

    traces: list[Row]
    after: tuple[int, bytes] | None


async def search_traces(queries: Queries, tenant: str, search: TraceSearch) -> TracePage:
    """A page of traces, by the time of their newest matching span."""
    return await queries.over_recent(["spans_recent"], lambda recent: _search_traces(queries, tenant, search, recent))


async def _search_traces(queries: Queries, tenant: str, search: TraceSearch, recent: frozenset[str]) -> TracePage:
    hits: list[tuple[int, bytes]] = []
    selective = bool(search.attributes)  # the index on values finds them at once
    for window in windows(search.between, search.after[0] + 1 if search.after else None, at_once=selective):
        scope = Scope(tenant, window, recent=recent)
        rows = await queries.rows(scope, compile_candidates(scope, search))
        hits = [(row["at_ns"], row["trace_id"]) for row in rows]
        if len(hits) > search.limit:
            break
    page = hits[: search.limit]
    traces = await _summarise(queries, Scope(tenant, recent=recent), page)
    return TracePage(traces, page[-1] if len(hits) > search.limit else None)


def windows(
    between: TimeRange, end_ns: int | None = None, *, at_once: bool = False, reaches: Sequence[int] = WINDOWS_NS
) -> Iterator[TimeRange]:
    """Ranges with the same end that reach back further and further, the whole one last (`at_once`: only that one)."""
    end = min(between.end_ns, end_ns) if end_ns is not None else between.end_ns
    if end <= between.start_ns:
        return
    for reach in () if at_once else reaches:
        if end - reach > between.start_ns:
            yield TimeRange(end - reach, end)
    yield TimeRange(between.start_ns, end)


def compile_candidates(scope: Scope, search: TraceSearch) -> str:
    """SQL: up to `limit` + 1 trace ids with the time of their newest matching span."""
    where = span_conditions(scope, search)
    having = ""
    if search.after:
        at, trace_id = scope.bind(search.after[0]), scope.bind(search.after[1])
        having = f"HAVING (at_ns, trace_id) < ({at}, toFixedString({trace_id}, 16)) "
        if search.after[0] + 1 < search.between.end_ns:  # traces that an earlier page showed
            newer = [*scope.time_bounds("start_time", search.after[0] + 1, search.between.end_ns), *where]
            where = [*where, f"trace_id NOT IN ({scope.without_time().select_spans('trace_id', newer)})"]
    return (
        "SELECT trace_id, toUnixTimestamp64Nano(max(start_time)) AS at_ns "
        f"FROM ({scope.select_spans('trace_id, start_time', where)}) "
        f"GROUP BY trace_id {having}ORDER BY at_ns DESC, trace_id DESC LIMIT {int(search.limit) + 1}"
    )


def span_conditions(scope: Scope, search: TraceSearch) -> list[str]:
    """The conditions on a span, values bound in `scope`."""
    where = []
    if search.service:
        where.append(f"service = {scope.bind(search.service)}")
    if search.operation:
        where.append(f"name = {scope.bind(search.operation)}")
    if search.status:
        if search.status not in STATUS_CODES:
            raise InvalidRequest(f"status {search.status!r} is none of {', '.join(STATUS_CODES)}")
        where.append(f"status_code = {STATUS_CODES[search.status]}")
    if search.min_duration_ns is not None:
        where.append(f"duration_ns >= {scope.bind(search.min_duration_ns)}")
    if search.max_duration_ns is not None:
        where.append(f"duration_ns <= {scope.bind(search.max_duration_ns)}")
    where += [scope.has_attribute(key, value) for key, value in search.attributes]
    return [*where, scope.has_resource(search.resource)] if search.resource else where


async def _summarise(queries: Queries, scope: Scope, hits: list[tuple[int, bytes]]) -> list[Row]:
    if not hits:
        return []
    chosen = scope.bind_ids([trace_id for _, trace_id in hits])
    spans = scope.select_spans(SUMMARY_COLUMNS, [f"trace_id IN {chosen}"])
    rows = await queries.rows(scope, f"SELECT {SUMMARY}, {KEPT} FROM ({spans}) GROUP BY trace_id")
    found = {row["trace_id"]: row for row in rows}
    return [_show_summary(found[trace_id], at_ns) for at_ns, trace_id in hits if trace_id in found]


def _show_summary(row: Row, matched_ns: int) -> Row:
    return {
        "trace_id": row["trace_id"].hex(),
        "root_service": decode_text(row["root_service"]),
        "root_name": decode_text(row["root_name"]),
        "has_root": bool(row["has_root"]),
        "start_time_ns": row["start_ns"],
        "duration_ns": row["duration_ns"],
        "matched_time_ns": matched_ns,
        "spans": row["spans"],
        "errors": row["errors"],
        "services": sorted(decode_text(service) for service in row["services"]),
        "kept_by": decode_text(row["kept_by"]),
        "adjusted_count": row["adjusted_count"],
    }
