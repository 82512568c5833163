"""Errors in groups: exceptions by type and normalised stack, failed spans without one by operation and message."""

import asyncio
from dataclasses import dataclass

from traceo.query.analysis.selection import weight_of
from traceo.query.analysis.stacks import (
    MAX_STACK,
    SEEN_FRAMES,
    frames_of,
    language_of,
    own_frames,
    template_of,
    without_generated,
)
from traceo.query.run import Queries, Row
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text, text_of

MAX_DISTINCT = 50_000  # stacks and messages that are looked at, the most frequent first
MAX_VERSIONS = 500
NO_TRACE = "toFixedString('', 16)"
WINDOWS = ("spans_recent", "logs_recent")
# One occurrence of an error, wherever it was recorded.
FIELDS = ("type", "message", "stacktrace")
OF_EVENT = ", ".join(f"said['exception.{name}'] AS said_{name}" for name in FIELDS)
OF_STATUS = "'' AS said_type, status_message AS said_message, '' AS said_stacktrace"
# As texts, once and behind the union of all sources: the engine takes 6 ms to plan each `text_of`.
AS_TEXTS = (
    f"arrayMap(x -> if(source = 'status', x, {text_of('x')}), [said_type, said_message, said_stacktrace]) AS texts, "
    + ", ".join(f"texts[{number}] AS {name}" for number, name in enumerate(FIELDS, start=1))
)
VERSION = f"id, {text_of('''attributes['service.version']''')} AS version"
OCCURRENCE = "source, service, resource_id, operation, trace_id, at_ns, weight"


@dataclass(frozen=True, slots=True)
class ErrorSearch:
    """What is asked for; an empty field asks for nothing. `points`: of the counts over time."""

    between: TimeRange
    service: str = ""
    operation: str = ""
    limit: int = 50
    points: int = 24


async def list_errors(queries: Queries, tenant: str, search: ErrorSearch) -> Row:
    """Groups, the most frequent first; counts over time; first and last seen; services, versions, examples."""

    async def read(recent: frozenset[str]) -> tuple[list[Row], list[Row]]:
        scope, other = (Scope(tenant, search.between, recent=recent) for _ in range(2))
        groups, versions = compile_groups(scope, search, recent), compile_versions(other, search)
        return await asyncio.gather(queries.rows(scope, groups), queries.rows(other, versions))

    groups, versions = await queries.over_recent(WINDOWS, read)
    order = _order_versions(versions)
    return {
        "step_ns": _step_ns(search),
        "errors": [_show_group(row, search, order) for row in groups[: search.limit]],
        "groups": groups[0]["all_groups"] if groups else 0,
        "truncated": bool(groups) and groups[0]["distinct_errors"] > MAX_DISTINCT,
    }


def compile_groups(scope: Scope, search: ErrorSearch, recent: frozenset[str]) -> str:
    """SQL of the groups. What is alike is counted first, so that only distinct stacks are taken apart."""
    start, step = scope.bind(search.between.start_ns), scope.bind(_step_ns(search))
    sources = " UNION ALL ".join(
        [_compile_events(scope, search, recent), _compile_logs(scope, search), _compile_failed(scope, search, recent)]
    )
    distinct = (
        "SELECT source, service, resource_id, type, stack, told, if(source = 'status', operation, '') AS place, "
        "sum(weight) AS counted, any(message) AS example, min(at_ns) AS first_ns, max(at_ns) AS last_ns, "
        f"sumMap(map(intDiv(at_ns - {start}, {step}), weight)) AS points, uniqExactState(trace_id) AS seen, "
        f"argMinIf(trace_id, at_ns, trace_id != {NO_TRACE}) AS first_trace, "
        f"argMaxIf(trace_id, at_ns, trace_id != {NO_TRACE}) AS last_trace, anyLast(operation) AS where_seen FROM "
        f"(SELECT {OCCURRENCE}, {AS_TEXTS}, substring(stacktrace, 1, {MAX_STACK}) AS stack, "
        "if(stack = '', message, '') AS told "
        f"FROM ({sources})) GROUP BY source, service, resource_id, type, stack, told, place "
        f"ORDER BY counted DESC LIMIT {MAX_DISTINCT + 1}"
    )
    taken_apart = (
        f"SELECT *, {language_of('stack')} AS language, "
        f"arrayMap(f -> {without_generated('f')}, {frames_of('stack', 'language')}) AS frames, "
        f"if(stack = '', [], {own_frames('frames')}) AS own, {template_of('example')} AS template, "
        "multiIf(source = 'status', (source, toString(service), toString(place), [template]), "
        "stack = '', ('', type, toString(service), [template]), ('', type, '', own)) AS told_apart "
        f"FROM ({distinct})"
    )
    bag = scope.select(
        "resources", f"id, {text_of('''attributes['service.version']''')} AS version", tail="LIMIT 1 BY id"
    )
    return (
        "SELECT lower(hex(cityHash64(e.told_apart))) AS id, sum(e.counted) AS total, uniqExactMerge(e.seen) AS traces, "
        "any(e.source = 'status') AS plain, any(e.type) AS type, argMax(e.template, e.counted) AS template, "
        "argMax(e.example, e.counted) AS example, argMax(e.language, e.counted) AS language, "
        f"arraySlice(argMax(e.own, e.counted), 1, {SEEN_FRAMES}) AS frames, "
        "argMax(e.where_seen, e.counted) AS operation, argMax(e.stack, e.last_ns) AS stack, "
        "min(e.first_ns) AS first_ns, max(e.last_ns) AS last_ns, sumMap(e.points) AS points, "
        "groupUniqArray(e.source) AS sources, "
        f"argMinIf(e.first_trace, e.first_ns, e.first_trace != {NO_TRACE}) AS first_trace, "
        f"argMaxIf(e.last_trace, e.last_ns, e.last_trace != {NO_TRACE}) AS last_trace, "
        f"groupArray({MAX_VERSIONS})((toString(e.service), bag.version, e.counted, e.first_ns, e.last_ns)) "
        "AS versions, "
        "count() OVER () AS all_groups, sum(count()) OVER () AS distinct_errors "
        f"FROM ({taken_apart}) AS e LEFT ANY JOIN ({bag}) AS bag ON e.resource_id = bag.id "
        f"GROUP BY e.told_apart ORDER BY total DESC, last_ns DESC, id LIMIT {int(search.limit)}"
    )


def _compile_events(scope: Scope, search: ErrorSearch, recent: frozenset[str]) -> str:
    columns = "service, resource_id, name, trace_id, start_time, received_at, threshold"
    spans = scope.select_spans(
        f"{columns}, `events.name`, `events.time_ns`, `events.attributes`",
        ["has(`events.name`, 'exception')", *_conditions(scope, search, "name")],
    )
    return (
        f"SELECT 'span' AS source, service, resource_id, toString(name) AS operation, trace_id, "
        f"toUnixTimestamp64Nano(start_time) AS at_ns, {OF_EVENT}, {weight_of(recent)} AS weight "
        f"FROM (SELECT *, called, said FROM ({spans}) ARRAY JOIN `events.name` AS called, `events.attributes` AS said) "
        "WHERE called = 'exception'"
    )


def _compile_logs(scope: Scope, search: ErrorSearch) -> str:
    thrown = "(mapContains(attributes, 'exception.type') OR mapContains(attributes, 'exception.stacktrace'))"
    records = scope.select_logs(
        "service, resource_id, event_name, trace_id, time, attributes",
        [thrown, *_conditions(scope, search, "event_name")],
    )
    return (
        "SELECT 'log' AS source, service, resource_id, '' AS operation, trace_id, "
        f"toUnixTimestamp64Nano(time) AS at_ns, {OF_EVENT}, toFloat64(1) AS weight "
        f"FROM (SELECT *, attributes AS said FROM ({records}))"
    )


def _compile_failed(scope: Scope, search: ErrorSearch, recent: frozenset[str]) -> str:
    columns = "service, resource_id, name, trace_id, start_time, status_message, received_at, threshold"
    where = ["status_code = 2", "NOT has(`events.name`, 'exception')", *_conditions(scope, search, "name")]
    return (
        "SELECT 'status' AS source, service, resource_id, toString(name) AS operation, trace_id, "
        f"toUnixTimestamp64Nano(start_time) AS at_ns, {OF_STATUS}, {weight_of(recent)} AS weight "
        f"FROM ({scope.select_spans(columns, where)})"
    )


def _conditions(scope: Scope, search: ErrorSearch, operation: str) -> list[str]:
    where = [f"service = {scope.bind(search.service)}"] if search.service else []
    return [*where, f"{operation} = {scope.bind(search.operation)}"] if search.operation else where


def compile_versions(scope: Scope, search: ErrorSearch) -> str:
    """SQL: when each version of a service was first seen, with errors or without."""
    where = [f"service = {scope.bind(search.service)}"] if search.service else []
    spans = scope.select_spans("service, resource_id, start_time", where)
    used = f"SELECT service, resource_id, min(start_time) AS since FROM ({spans}) GROUP BY service, resource_id"
    bag = scope.select(
        "resources", f"id, {text_of('''attributes['service.version']''')} AS version", tail="LIMIT 1 BY id"
    )
    return (
        "SELECT toString(service) AS service, version, toUnixTimestamp64Nano(min(since)) AS since_ns "
        f"FROM ({used}) AS used LEFT ANY JOIN ({bag}) AS bag ON used.resource_id = bag.id "
        "GROUP BY service, version ORDER BY service, since_ns, version LIMIT 10000"
    )


def _order_versions(rows: list[Row]) -> dict[bytes, list[bytes]]:
    order: dict[bytes, list[bytes]] = {}
    for row in rows:
        order.setdefault(row["service"], []).append(row["version"])
    return order


def _step_ns(search: ErrorSearch) -> int:
    return max(1, -(-(search.between.end_ns - search.between.start_ns) // search.points))


def _show_group(row: Row, search: ErrorSearch, order: dict[bytes, list[bytes]]) -> Row:
    points = dict(row["points"])
    versions = _merge_versions(row["versions"])
    traces = [row[name].hex() for name in ("last_trace", "first_trace") if any(row[name])]
    return {
        "id": decode_text(row["id"]),
        "kind": "status" if row["plain"] else "exception",
        "type": decode_text(row["type"]),
        "message": decode_text(row["template"]),
        "example_message": decode_text(row["example"])[:1000],
        "operation": decode_text(row["operation"]),
        "language": decode_text(row["language"]) if row["stack"] else "",
        "frames": [decode_text(frame) for frame in row["frames"]],
        "stack": decode_text(row["stack"]),
        "count": row["total"],
        "traces": row["traces"],
        "first_seen_ns": row["first_ns"],
        "last_seen_ns": row["last_ns"],
        "points": [float(points.get(number, 0)) for number in range(search.points)],
        "sources": sorted(decode_text(source) for source in row["sources"]),
        "versions": [
            {
                **{"service": decode_text(service), "version": decode_text(version)},
                **{"count": count, "first_seen_ns": first, "last_seen_ns": last},
            }
            for (service, version), (count, first, last) in sorted(versions.items())
        ],
        "new_in": _find_new(set(versions), order),
        "example_traces": list(dict.fromkeys(traces)),
    }


def _merge_versions(found: list[Row]) -> dict[tuple[bytes, bytes], tuple[float, int, int]]:
    merged: dict[tuple[bytes, bytes], tuple[float, int, int]] = {}
    for item in found:
        service, version, count, first, last = item.values()
        total, earliest, latest = merged.get((service, version), (0.0, first, last))
        merged[service, version] = total + count, min(first, earliest), max(last, latest)
    return merged


def _find_new(seen: set[tuple[bytes, bytes]], order: dict[bytes, list[bytes]]) -> list[Row]:
    """Versions from which on a service has this error, while an earlier one in the same time had not."""
    found = []
    for service in sorted({service for service, _ in seen}):
        known = order.get(service, [])
        first = next((number for number, version in enumerate(known) if (service, version) in seen), 0)
        if first > 0:
            found.append({"service": decode_text(service), "version": decode_text(known[first])})
    return found
