"""Rate, errors and duration over time, of services or of one operation: read from the exact roll-ups."""

from collections.abc import Sequence

from traceo.query.run import Queries, Row
from traceo.query.services import ENTRY, QUANTILES, QUANTILES_MS
from traceo.query.sql import MINUTE_NS, Scope, TimeRange
from traceo.store.attributes import decode_text

MINUTE_S = 60
# Of a service with spans that enter it, those; of an operation, all.
STEPS = """
SELECT service, slot, counted, failed, quantiles_ms FROM
(
    SELECT *, max(entry) OVER (PARTITION BY service) AS has_entries FROM ({steps})
)
WHERE entry = has_entries
"""
SERIES = """
SELECT
    service, groupArray(slot) AS slots,
    arrayMap(i -> groupArray(counted)[indexOf(slots, i)], range({{columns:UInt32}})) AS requests,
    arrayMap(i -> groupArray(failed)[indexOf(slots, i)], range({{columns:UInt32}})) AS errors
    {quantiles}
FROM ({steps}) GROUP BY service ORDER BY arraySum(requests) DESC, service LIMIT {{limit:UInt32}}
"""


async def read_red(
    queries: Queries,
    tenant: str,
    between: TimeRange,
    services: Sequence[str] = (),
    operation: str = "",
    points: int = 60,
    durations: bool = True,
    limit: int = 1000,
) -> Row:
    """`{"start", "step_s", "series": [{"service", "requests", "errors", "p50_ms", ...}]}`: a number for each step.

    Of these services, or of all.

    Steps are whole minutes, at most `points` of them; `start` is in unix seconds. Without `durations`, no quantiles:
    they are most of the work. Where there were no requests, quantiles are None. Most requests first.
    """
    start, step_s, columns = steps_of(between, points)
    scope = Scope(tenant, TimeRange(start * 10**9, between.end_ns))
    scope.params |= {"start": start, "step": step_s, "columns": columns, "limit": limit}
    entry = "1" if operation else ENTRY
    quantiles = QUANTILES_MS if durations else "[]"
    where = [f"service IN ({', '.join(map(scope.bind, services))})"] if services else []
    if operation:
        where.append(f"operation = {scope.bind(operation)}")
    steps = scope.select(
        "span_red",
        f"service, {entry} AS entry, intDiv(toUnixTimestamp(minute) - {{start:Int64}}, {{step:Int64}}) AS slot, "
        f"sum(spans) AS counted, sum(errors) AS failed, {quantiles} AS quantiles_ms",
        where,
        "GROUP BY service, entry, slot",
    )
    shown = "".join(
        f", arrayMap(i -> indexOf(slots, i) = 0 ? NULL : groupArray(quantiles_ms[{place}])[indexOf(slots, i)], "
        f"range({{columns:UInt32}})) AS {name}"
        for place, name in enumerate(QUANTILES, 1)
    )
    sql = SERIES.format(steps=STEPS.format(steps=steps), quantiles=shown if durations else "")
    names = ("requests", "errors", *(QUANTILES if durations else ()))
    rows = await queries.rows(scope, sql)
    series = [{"service": decode_text(row["service"]), **{name: row[name] for name in names}} for row in rows]
    return {"start": start, "step_s": step_s, "series": series}


def steps_of(between: TimeRange, points: int) -> tuple[int, int, int]:
    """(start in unix seconds, seconds of a step, steps) of whole minutes, on multiples of the step."""
    first, last = between.start_ns // MINUTE_NS, -(-between.end_ns // MINUTE_NS)
    minutes = -(-(last - first) // points)
    step_s, start = minutes * MINUTE_S, first // minutes * minutes * MINUTE_S
    return start, step_s, -(-(last * MINUTE_S - start) // step_s)
