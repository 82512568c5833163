"""Lines of log streams: a selector, and filters of lines after it, which the engine applies.

The part of LogQL that needs no more than a record's own columns: what is read by it is read at once, and what is
followed by it (`line_conditions`) as well.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson
import re2

from traceo.errors import ParseError, UnsupportedQuery
from traceo.query.log_streams import (
    STREAM_URL,
    Matchers,
    parse_matchers,
    read_labels,
    select_streams,
    stream_conditions,
)
from traceo.query.logs import NO_SPAN, NO_TRACE, PLACE, TOKEN
from traceo.query.promql.quoting import unquote
from traceo.query.promql.selectors import OPTIONS
from traceo.query.run import Queries, Row
from traceo.query.search import windows
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_map, decode_text, decode_value

MAX_QUERY = 50_000  # characters
MAX_FILTERS = 100
FILTER = re.compile(r"\s*(\|=|!=|\|~|!~)\s*")
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`', re.DOTALL)
COLUMNS = f"""
toUnixTimestamp64Nano(time) AS time_ns, trace_id, span_id, severity_number, severity_text, body, body_value,
resource_id, attributes, {PLACE} AS place
"""
LEVELS = ((0, "unknown"), (4, "trace"), (8, "debug"), (12, "info"), (16, "warn"), (20, "error"), (24, "fatal"))


@dataclass(frozen=True, slots=True)
class LineFilter:
    """`op` is one of LogQL's: `|=`, `!=`, `|~`, `!~`."""

    op: str
    text: str


@dataclass(frozen=True, slots=True)
class LineQuery:
    """Which streams, and which of their lines."""

    matchers: Matchers
    filters: tuple[LineFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its stream's labels, its structured metadata, and what a parser found in it."""

    time_ns: int
    text: str
    labels: dict[str, str]
    metadata: dict[str, str]
    parsed: dict[str, str] = field(default_factory=dict)


def parse_lines(text: str) -> LineQuery:
    """Of a query. Raises ParseError with position, UnsupportedQuery for what LogQL can say beyond this."""
    if len(text) > MAX_QUERY:
        raise ParseError(f"the query has {len(text)} characters, {MAX_QUERY} are allowed", position=MAX_QUERY)
    end = _find_end(text)
    matchers = parse_matchers(text[:end])
    filters: list[LineFilter] = []
    while found := FILTER.match(text, end):
        filters.append(_read_filter(text, found))
        end = found.end() + len(_quoted(text, found.end()))
    rest = text[end:].strip()
    if len(filters) > MAX_FILTERS:
        raise ParseError(f"the query has more than {MAX_FILTERS} filters", position=end)
    if rest.startswith(("|", "!")):
        raise UnsupportedQuery("only filters of lines (|= != |~ !~) can be answered here", position=end)
    if rest:
        raise ParseError(f"{_place(text, end)}: parse error: unexpected {rest[:1]!r} after the query", position=end)
    return LineQuery(matchers, tuple(filters))


async def read_lines(
    queries: Queries, tenant: str, query: LineQuery, between: TimeRange, limit: int, *, forward: bool = False
) -> list[Line]:
    """Lines in order of their times, at most `limit`: the newest first, or (`forward`) the oldest."""
    return await queries.over_recent(
        ["logs_recent"], lambda recent: _read_lines(queries, tenant, query, between, limit, forward, recent)
    )


async def _read_lines(
    queries: Queries,
    tenant: str,
    query: LineQuery,
    between: TimeRange,
    limit: int,
    forward: bool,
    recent: frozenset[str],
) -> list[Line]:
    """Times are found first, so that bodies are read of these lines only."""
    order = "ASC" if forward else "DESC"
    times: list[int] = []
    for window in [between] if forward else windows(between):
        scope = Scope(tenant, window, recent=recent)
        found = _select(scope, query, "toUnixTimestamp64Nano(time) AS time_ns")
        rows = await queries.rows(scope, f"SELECT time_ns FROM ({found}) ORDER BY time_ns {order} LIMIT {int(limit)}")
        times = [row["time_ns"] for row in rows]
        if len(times) >= limit:
            break
    if not times:
        return []
    scope = Scope(tenant, TimeRange(min(times), max(times) + 1), recent=recent)
    found = _select(scope, query, COLUMNS)
    place = f"ORDER BY time_ns {order}, place {order} LIMIT {int(limit)}"
    rows = await queries.rows(scope, f"SELECT * FROM ({found}) {place}")
    streams = await read_streams(queries, tenant, {row["resource_id"] for row in rows})
    return [show_line(row, streams) for row in rows]


async def read_streams(queries: Queries, tenant: str, ids: set[int]) -> dict[int, tuple[dict[str, str], bool]]:
    """Labels of resources, and whether they came by Loki's push."""
    if not ids:
        return {}
    scope = Scope(tenant)
    chosen = ", ".join(str(int(number)) for number in ids)
    labels = select_streams(scope, (), "id, labels")
    urls = scope.select("resources", "id, schema_url", [f"id IN ({chosen})"], "LIMIT 1 BY id")
    rows = await queries.rows(
        scope, f"SELECT id, labels, schema_url FROM ({labels}) AS l JOIN ({urls}) AS u USING (id)"
    )
    return {row["id"]: (read_labels(row["labels"]), row["schema_url"] == STREAM_URL.encode()) for row in rows}


def show_line(row: Row, streams: dict[int, tuple[dict[str, str], bool]]) -> Line:
    """A row with COLUMNS as a line."""
    labels, is_loki = streams.get(row["resource_id"], ({}, False))
    return Line(row["time_ns"], _text_of(row), labels, _metadata_of(row, is_loki))


def line_conditions(scope: Scope, query: LineQuery) -> list[str]:
    """Conditions on log records, values bound in `scope`."""
    filters = [condition for one in query.filters for condition in _filter_conditions(scope, one)]
    return [*stream_conditions(scope, query.matchers), *filters]


def _select(scope: Scope, query: LineQuery, columns: str) -> str:
    return scope.select_logs(columns, line_conditions(scope, query))


def _filter_conditions(scope: Scope, one: LineFilter) -> list[str]:
    """`hasToken` asks the token index for words that stand whole in the text; the rest looks at what is left."""
    if not one.text:
        return [] if one.op in ("|=", "|~") else ["0"]
    if one.op in ("|~", "!~"):
        found = f"match(body, {scope.bind(f'(?-s){one.text}')})"
        return [found if one.op == "|~" else f"NOT {found}"]
    found = f"position(body, {scope.bind(one.text)}) > 0"
    return [*_token_conditions(scope, one.text), found] if one.op == "|=" else [f"NOT {found}"]


def _token_conditions(scope: Scope, text: str) -> Sequence[str]:
    inner = [match.group() for match in TOKEN.finditer(text) if match.start() > 0 and match.end() < len(text)]
    return [f"hasToken(body, {scope.bind(token)})" for token in inner]


def _find_end(text: str) -> int:
    """Where the selector ends: behind its brace, or the end of the text."""
    at = 0
    while at < len(text):
        if text[at] in "\"'`" and (quoted := _quoted(text, at)):
            at += len(quoted)
            continue
        at += 1
        if text[at - 1] == "}":
            return at
    return len(text)


def _quoted(text: str, at: int) -> str:
    found = QUOTED.match(text, at)
    return found.group() if found else ""


def _read_filter(text: str, found: re.Match[str]) -> LineFilter:
    at = found.end()
    quoted = _quoted(text, at)
    if not quoted:
        if text[at : at + 2] == "ip":
            raise UnsupportedQuery("ip() can not be answered here", position=at)
        raise ParseError(f"{_place(text, at)}: parse error: a text in quotes was expected", position=at)
    content, _, problem = unquote(quoted.encode("utf-8", "surrogateescape").decode("latin-1"), 0)
    if problem:
        raise ParseError(f"{_place(text, at)}: parse error: {problem}", position=at)
    if found[1] in ("|~", "!~"):
        _check_pattern(text, at, content)
    return LineFilter(found[1], content)


def _check_pattern(text: str, at: int, pattern: str) -> None:
    try:
        re2.compile(pattern, OPTIONS)
    except re2.error as error:
        detail = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
        raise ParseError(
            f"{_place(text, at)}: parse error: error parsing regexp: {detail[:200]}", position=at
        ) from error


def _place(text: str, at: int) -> str:
    return f"{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"


def _text_of(row: Row) -> str:
    if row["body"]:
        return decode_text(row["body"])
    value = decode_value(row["body_value"])
    return value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()


def _metadata_of(row: Row, is_loki: bool) -> dict[str, str]:
    """Structured metadata, in order of their names."""
    texts = {
        re.sub(r"[^a-zA-Z0-9_]", "_", name): value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in decode_map(row["attributes"]).items()
    }
    if row["trace_id"] != NO_TRACE:
        texts["trace_id"] = row["trace_id"].hex()
    if row["span_id"] != NO_SPAN:
        texts["span_id"] = row["span_id"].hex()
    severity = decode_text(row["severity_text"])
    if is_loki:
        texts["detected_level"] = severity or "unknown"
    else:
        number = row["severity_number"]
        texts["detected_level"] = next((level for last, level in LEVELS if number <= last), "unknown")
        if severity:
            texts["severity_text"] = severity
        if number:
            texts["severity_number"] = str(number)
    return dict(sorted((name, value) for name, value in texts.items() if value))
