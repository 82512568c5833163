"""Log patterns: which kinds of lines came, how many and when, and what two ranges differ in.

Counts are exact and from before any thinning. Lines of a shape that has no template yet (the miner runs every few
seconds), of too many shapes, or of a service with too many templates are those of the pattern `<_>`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from traceo.errors import LimitExceeded
from traceo.query.run import Queries, Row
from traceo.query.sql import MINUTE_NS, Scope, TimeRange
from traceo.store.attributes import decode_text

MAX_POINTS = 50_000
LEVEL = """
multiIf(severity_number = 0, '', severity_number >= 21, 'fatal', severity_number >= 17, 'error',
    severity_number >= 13, 'warn', severity_number >= 9, 'info', severity_number >= 5, 'debug', 'trace')
"""
ANY = "<_>"


@dataclass(frozen=True, slots=True)
class PatternSearch:
    """What is asked for; an empty field asks for nothing. `text`: a part of the template, as it is written."""

    services: tuple[str, ...] = ()
    min_severity: int = 0
    text: str = ""
    limit: int = 100


async def list_patterns(
    queries: Queries, tenant: str, between: TimeRange, search: PatternSearch, step_ns: int
) -> list[Row]:
    """Patterns with lines in the range, most lines first, each of a service and level.

    `{"pattern": id, "service", "level", "template", "example", "lines", "first_seen_ns", "last_seen_ns", "points":
    [[time_ns, lines]]}`: points at multiples of the step (at least a minute), without those of no lines;
    `first_seen_ns` is the template's, `last_seen_ns` the last minute with lines in the range. Raises LimitExceeded.
    """
    step_s = max(1, -(-step_ns // MINUTE_NS)) * 60
    if (between.end_ns - between.start_ns) / 1e9 / step_s > MAX_POINTS:
        raise LimitExceeded(f"more than {MAX_POINTS} points in time: take a longer step or a shorter range")
    scope = Scope(tenant, between)
    columns = f"service, pattern, level, template, example, since, intDiv(toUnixTimestamp(minute), {step_s}) AS place"
    counted = f"SELECT {columns}, sum(lines) AS lines, max(minute) AS latest {_joined(scope, search)} GROUP BY ALL"
    sql = (
        "SELECT service, pattern, level, template, any(example) AS example, any(since) AS since, "
        "sum(lines) AS total, max(toUnixTimestamp(latest)) AS last_seen, "
        f"arraySort(groupArray((place * {step_s}, lines))) AS points FROM ({counted}) "
        f"GROUP BY service, pattern, level, template ORDER BY total DESC, service, template, level LIMIT {search.limit}"
    )
    return [_show(row) for row in await queries.rows(scope, sql)]


async def compare_patterns(
    queries: Queries, tenant: str, before: TimeRange, after: TimeRange, search: PatternSearch
) -> dict[str, list[Row]]:
    """`{"new", "vanished", "changed"}`: patterns with lines in one of two ranges only, or in both.

    Each with `before` and `after`, its lines a minute; those that changed most (by their ratio) first. The pattern of
    all other lines (`<_>`) is left out.
    """
    rates: dict[tuple[str, str], Row] = {}
    for name, between in (("before", before), ("after", after)):
        scope = Scope(tenant, between)
        minutes = max(1.0, between.seconds / 60)
        columns = "service, pattern, template, any(example) AS text, any(since) AS since, sum(lines) AS total"
        sql = f"SELECT {columns} {_joined(scope, search)} GROUP BY service, pattern, template"
        for row in await queries.rows(scope, f"SELECT * FROM ({sql}) WHERE pattern != 0"):
            shown = rates.setdefault(
                (decode_text(row["service"]), str(row["pattern"])), {**_identity(row), "before": 0.0, "after": 0.0}
            )
            shown[name] = row["total"] / minutes
    kinds: dict[str, list[Row]] = {"new": [], "vanished": [], "changed": []}
    for row in sorted(rates.values(), key=_change, reverse=True):
        kinds["new" if not row["before"] else "vanished" if not row["after"] else "changed"].append(row)
    return {kind: rows[: search.limit] for kind, rows in kinds.items()}


def _joined(scope: Scope, search: PatternSearch) -> str:
    """FROM and WHERE: the counts of shapes, each with its template."""
    everything = scope.without_time()
    where = [f"service IN ({_texts(scope, search.services)})"] if search.services else []
    severe = [f"severity_number >= {int(search.min_severity)}"] if search.min_severity else []
    shapes = scope.select("log_shapes", f"service, {LEVEL} AS level, minute, shape, lines", [*where, *severe])
    mapped = everything.select("log_shape_patterns", "service, shape, pattern", where)
    newest = (
        "argMax(log_patterns.template, updated_at) AS template, argMax(log_patterns.example, updated_at) AS example"
    )
    since = "toUnixTimestamp(min(first_seen)) AS since"
    templates = everything.select(
        "log_patterns", f"service, pattern, {newest}, {since}", where, "GROUP BY service, pattern"
    )
    joined = (
        f"FROM (SELECT * FROM ({shapes}) AS s GLOBAL ANY LEFT JOIN ({mapped}) AS m USING (service, shape)) AS c "
        f"GLOBAL ANY LEFT JOIN ({templates}) AS t USING (service, pattern)"
    )
    return f"{joined} WHERE position(template, {scope.bind(search.text)}) > 0" if search.text else joined


def _texts(scope: Scope, texts: Sequence[str]) -> str:
    return ", ".join(scope.bind(text) for text in texts)


def _identity(row: Row) -> Row:
    """`example` is called text where an alias may not hide the column."""
    example = row["text"] if "text" in row else row["example"]
    return {
        "pattern": str(row["pattern"]),
        "service": decode_text(row["service"]),
        "template": decode_text(row["template"]) or ANY,
        "example": decode_text(example),
        "first_seen_ns": row["since"] * 10**9 or None,
    }


def _show(row: Row) -> Row:
    return {
        **_identity(row),
        "level": decode_text(row["level"]),
        "lines": row["total"],
        "last_seen_ns": row["last_seen"] * 10**9,
        "points": [[point["1"] * 10**9, point["2"]] for point in row["points"]],
    }


def _change(row: Row) -> float:
    """Of a pattern in one range only, its rate; of others, how many times more or fewer lines."""
    low, high = sorted((row["before"], row["after"]))
    return float(high / low if low else high)
