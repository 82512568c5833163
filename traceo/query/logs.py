"""The search for log records: words through the token index, newest first."""

import re
from dataclasses import dataclass, replace

from traceo.errors import InvalidRequest
from traceo.query.run import Queries, Row
from traceo.query.search import LOG_WINDOWS_NS, windows
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_map, decode_text, decode_value

TOKEN = re.compile(r"(?:[0-9A-Za-z]|[^\x00-\x7f])+")
TERM = re.compile(r'"([^"]*)"|(\S+)')
ID_LENGTH = 16  # of the shortest ids that are random: a span id in hexadecimal
# A record's place among those of the same nanosecond: any order will do, as long as it is always the same.
PLACE = (
    "cityHash64(trace_id, span_id, severity_number, resource_id, body, body_value, mapKeys(attributes), "
    "mapValues(attributes))"
)
COLUMNS = f"""
toUnixTimestamp64Nano(time) AS time_ns, toUnixTimestamp64Nano(time) + observed_after_ns AS observed_ns,
trace_id, span_id, flags, severity_number, severity_text, service, event_name, body, body_value, resource_id,
attributes, dropped_attributes, {PLACE} AS place
"""
NO_TRACE, NO_SPAN = bytes(16), bytes(8)
SEVERITIES = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}


@dataclass(frozen=True, slots=True)
class LogCursor:
    """The last record that was shown, and how many exactly like it were."""

    time_ns: int
    place: int
    shown: int


@dataclass(frozen=True, slots=True)
class LogSearch:
    """What a search asks for; an empty field asks for nothing.

    `text`: words that must all occur in the body, as they are written (case counts); "in quotes" for a phrase, which is
    found inside words too. Records whose body is no text are not found by `text`.
    """

    between: TimeRange
    text: str = ""
    min_severity: int = 0
    service: str = ""
    trace_id: bytes = b""
    attributes: tuple[tuple[str, str], ...] = ()
    resource: tuple[tuple[str, str], ...] = ()
    limit: int = 100
    after: LogCursor | None = None
    span_id: bytes = b""


@dataclass(frozen=True, slots=True)
class LogPage:
    """Records, newest first, and where the next page begins (None: there is none)."""

    records: list[Row]
    after: LogCursor | None


async def search_logs(queries: Queries, tenant: str, search: LogSearch) -> LogPage:
    """A page of records, kept or still resting."""
    return await queries.over_recent(["logs_recent"], lambda recent: _search_logs(queries, tenant, search, recent))


async def _search_logs(queries: Queries, tenant: str, search: LogSearch, recent: frozenset[str]) -> LogPage:
    """Times are found first, so that bodies are read of the page's records only."""
    wanted = search.limit + 1 + (search.after.shown if search.after else 0)
    times: list[int] = []
    end_ns = search.after.time_ns + 1 if search.after else None
    for window in windows(search.between, end_ns, at_once=is_selective(search), reaches=LOG_WINDOWS_NS):
        scope = Scope(tenant, window, recent=recent)
        sql = f"{compile_times(scope, search)} LIMIT {wanted}"
        times = [row["time_ns"] for row in await queries.rows(scope, sql)]
        if len(times) >= wanted:
            break
    if not times:
        return LogPage([], None)
    scope = Scope(tenant, TimeRange(times[-1], times[0] + 1), recent=recent)
    rows = await queries.rows(scope, f"{compile_records(scope, search)} LIMIT {wanted}")
    rows = rows[search.after.shown if search.after else 0 :]
    page = rows[: search.limit]
    after = _cursor_after(page, search.after) if len(rows) > search.limit else None
    return LogPage([show_record(row) for row in page], after)


def is_selective(search: LogSearch) -> bool:
    """Whether an index finds the few records at once: by an id or an attribute, or by a word as long as an id."""
    words = TOKEN.findall(search.text)
    return bool(search.trace_id or search.attributes) or any(len(word) >= ID_LENGTH for word in words)


def compile_times(scope: Scope, search: LogSearch) -> str:
    """SQL, without LIMIT: the times of matching records."""
    return f"{_select_found(scope, search, 'toUnixTimestamp64Nano(time) AS time_ns')} ORDER BY time_ns DESC"


def compile_records(scope: Scope, search: LogSearch) -> str:
    """SQL, without LIMIT: matching records, in the one order that pages follow."""
    return f"{_select_found(scope, search, COLUMNS)} ORDER BY time_ns DESC, place DESC"


def _select_found(scope: Scope, search: LogSearch, columns: str) -> str:
    """To be ordered: what follows a union would order its last part only."""
    found = scope.select_logs(columns, log_conditions(scope, search))
    return f"SELECT * FROM ({found})" if "logs_recent" in scope.recent else found


def log_conditions(scope: Scope, search: LogSearch) -> list[str]:
    """The conditions on a record, values bound in `scope`."""
    where = []
    if search.service:
        where.append(f"service = {scope.bind(search.service)}")
    if search.min_severity:
        where.append(f"severity_number >= {int(search.min_severity)}")
    if search.trace_id:
        where.append(f"trace_id = {scope.bind(search.trace_id)}")
    if search.span_id:
        where.append(f"span_id = {scope.bind(search.span_id)}")
    where += text_conditions(scope, search.text)
    where += [scope.has_attribute(key, value) for key, value in search.attributes]
    if search.resource:
        where.append(scope.has_resource(search.resource))
    if search.after:
        at, place = scope.bind(search.after.time_ns), scope.bind(str(search.after.place))
        where.append(f"(toUnixTimestamp64Nano(time) < {at} OR {PLACE} <= toUInt64({place}))")
    return where


def text_conditions(scope: Scope, text: str) -> list[str]:
    """Conditions on `body`. `hasToken` asks the token index; the rest then looks at what is left."""
    where = []
    for phrase, word in TERM.findall(text):
        term = phrase or word
        tokens = TOKEN.findall(term)
        whole = tokens if word else tokens[1:-1] if len(tokens) > 2 else []
        where += [f"hasToken(body, {scope.bind(token)})" for token in whole]
        if tokens != [term] or phrase:
            where.append(f"position(body, {scope.bind(term)}) > 0")
    return where


def parse_severity(text: str) -> int:
    """`warn`, `ERROR` or a number from 1 to 24."""
    number = SEVERITIES.get(text.lower()) or (int(text) if text.isdecimal() and len(text) < 3 else 0)
    if not 1 <= number <= 24:
        raise InvalidRequest(f"severity {text[:40]!r} is neither 1 to 24 nor one of {', '.join(SEVERITIES)}")
    return number


def _cursor_after(page: list[Row], before: LogCursor | None) -> LogCursor:
    last = LogCursor(page[-1]["time_ns"], page[-1]["place"], 0)
    alike = sum((row["time_ns"], row["place"]) == (last.time_ns, last.place) for row in page)
    if before and (before.time_ns, before.place) == (last.time_ns, last.place):
        alike += before.shown
    return replace(last, shown=alike)


def show_record(row: Row) -> Row:
    """A record for JSON, of a row with COLUMNS."""
    return {
        "time_ns": row["time_ns"],
        "observed_time_ns": row["observed_ns"] or None,
        "severity": row["severity_number"],
        "severity_text": decode_text(row["severity_text"]),
        "service": decode_text(row["service"]),
        "event_name": decode_text(row["event_name"]),
        "body": decode_text(row["body"]) if row["body"] else decode_value(row["body_value"]),
        "trace_id": None if row["trace_id"] == NO_TRACE else row["trace_id"].hex(),
        "span_id": None if row["span_id"] == NO_SPAN else row["span_id"].hex(),
        "flags": row["flags"],
        "attributes": decode_map(row["attributes"]),
        "resource_id": str(row["resource_id"]),
        "dropped_attributes": row["dropped_attributes"],
    }
