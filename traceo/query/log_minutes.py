"""Log records by stream, severity and minute: some hundred rows of a projection instead of millions of records.

A minute ends with its last nanosecond and begins after that of the one before, as LogQL's windows do: a record at 12:01
exactly is of the minute that ends then.
"""

from collections.abc import Sequence

from traceo.query.sql import MINUTE_NS, Scope, TimeRange

MINUTE = f"intDiv(toUnixTimestamp64Nano(time) - 1, {MINUTE_NS})"
KEY = "resource_id, severity_number, severity_text"
# As the projection has them: the engine makes a subcolumn of a mere `length(body_value)`, which no projection knows.
COUNTED = "count() AS entries, sum(length(body)) AS body_bytes, sum(length(concat(body_value, ''))) AS value_bytes"
COLUMNS = "time, resource_id, severity_number, severity_text, body, body_value"


def is_of_minutes(between: TimeRange) -> bool:
    """Whether a range consists of whole minutes."""
    return between.start_ns > 0 and between.start_ns % MINUTE_NS == between.end_ns % MINUTE_NS == 1


def to_minutes(between: TimeRange) -> TimeRange:
    """The minutes that have a part in a range."""
    start = max(between.start_ns - 1, 0) // MINUTE_NS * MINUTE_NS + 1
    return TimeRange(start, max(start, -(-(between.end_ns - 1) // MINUTE_NS) * MINUTE_NS) + 1)


def select_minutes(scope: Scope, where: Sequence[str] = ()) -> str:
    """SELECT of the minutes of the scope's range, which MUST be whole: KEY, `time_ns` (the minute's last), counts.

    `where`: conditions on KEY and `service`, for the projection knows no other columns.
    """
    assert scope.between is not None
    first, last = (scope.bind((moment - 1) // MINUTE_NS) for moment in (scope.between.start_ns, scope.between.end_ns))
    tail = f"GROUP BY {KEY}, minute"
    columns = f"{KEY}, {MINUTE} AS minute, {COUNTED}"
    inside = [f"minute >= {first}", f"minute < {last}", *where]
    counted = scope.without_time().select("logs", columns, inside, tail)
    if resting := scope.select_resting("logs", COLUMNS, where):
        counted = f"{counted} UNION ALL SELECT {columns} FROM ({resting}) {tail}"
    return f"SELECT {KEY}, (minute + 1) * {MINUTE_NS} AS time_ns, entries, body_bytes, value_bytes FROM ({counted})"
