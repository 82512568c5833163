"""How much streams hold: records and bytes of lines, all at once or step by step.

Of steps of a minute and more, whole minutes are counted: those that have a part in the range, each in the step in which
it ends.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from traceo.query.log_minutes import select_minutes, to_minutes
from traceo.query.log_streams import Matchers, read_labels, select_streams, stream_conditions
from traceo.query.run import Queries, Row
from traceo.query.sql import MINUTE_NS, Scope, TimeRange

HOUR_NS = 3600 * 10**9
# Of a record, what log_minutes.py says of a minute.
EACH = """
resource_id, toUnixTimestamp64Nano(time) + 1 AS time_ns, 1 AS entries, length(body) AS body_bytes,
length(body_value) AS value_bytes
"""


@dataclass(frozen=True, slots=True)
class StreamStats:
    """`chunks`: hours of a stream in which it has records."""

    streams: int
    chunks: int
    entries: int
    bytes: int


Volume = tuple[dict[str, str], dict[int, int]]


async def count_streams(queries: Queries, tenant: str, between: TimeRange, matchers: Matchers) -> StreamStats:
    """What a selector means, counted."""
    rows = await _sum(queries, tenant, between, matchers, HOUR_NS)
    streams = len({row["resource_id"] for row in rows})
    return StreamStats(streams, len(rows), sum(row["entries"] for row in rows), sum(row["bytes"] for row in rows))


async def read_volumes(
    queries: Queries,
    tenant: str,
    between: TimeRange,
    matchers: Matchers,
    targets: Sequence[str],
    step_ns: int,
    *,
    by_label: bool = False,
) -> list[Volume]:
    """Bytes by labels and by the number of the step since the start, the largest first.

    `targets`: labels to group by; none: those that the selector names, or all labels where it names none. `by_label`:
    one row for each name of a label, whatever its value.
    """
    rows = await _sum(queries, tenant, between, matchers, step_ns)
    wanted = list(targets) or [matcher.name for matcher in matchers]
    sums: dict[tuple[tuple[str, str], ...], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        labels = read_labels(row["labels"])
        kept = {name: value for name, value in labels.items() if name in wanted} if wanted else labels
        groups = [((name, ""),) for name in kept] if by_label else [tuple(kept.items())]
        for group in groups:
            sums[group][row["step"]] += row["bytes"]
    volumes = [(dict(group), dict(sorted(steps.items()))) for group, steps in sums.items()]
    return sorted(volumes, key=lambda volume: (-sum(volume[1].values()), list(volume[0].items())))


async def _sum(queries: Queries, tenant: str, between: TimeRange, matchers: Matchers, step_ns: int) -> list[Row]:
    """By resource and step: records, bytes and labels."""

    async def read(recent: frozenset[str]) -> list[Row]:
        scope = Scope(tenant, to_minutes(between) if step_ns >= MINUTE_NS else between, recent=recent)
        where = stream_conditions(scope, matchers)
        found = select_minutes(scope, where) if step_ns >= MINUTE_NS else scope.select_logs(EACH, where)
        start, step = scope.bind(between.start_ns), scope.bind(step_ns)
        sums = (
            f"SELECT resource_id, intDiv(greatest(time_ns - 1 - {start}, 0), {step}) AS step, sum(entries) AS entries, "
            f"sum(body_bytes + value_bytes) AS bytes FROM ({found}) GROUP BY resource_id, step"
        )
        labels = select_streams(scope, matchers, "id, labels")
        return await queries.rows(scope, f"SELECT * FROM ({sums}) AS s JOIN ({labels}) AS l ON l.id = s.resource_id")

    return await queries.over_recent(["logs_recent"], read)
