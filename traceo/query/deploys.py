"""Deploys and versions of all services at once, from what each version did minute by minute."""

from collections.abc import Mapping

from traceo.query.run import Queries, Row
from traceo.query.service_facts import MAX_STEPS, MAX_VERSION_ROWS, VERSION_COLUMNS, find_deploys
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text


async def list_deploys(queries: Queries, tenant: str, between: TimeRange) -> Row:
    """`{"deploys": [...], "warnings": [...]}` in order of time: as on the page of a service, and whose they are."""
    scope = Scope(tenant, between)
    step_s = max(60, -(-int(between.seconds) // MAX_STEPS // 60) * 60)
    time = f"toUnixTimestamp(toStartOfInterval(minute, INTERVAL {step_s} SECOND))"
    several = "uniq(version) OVER (PARTITION BY service, environment) AS versions"
    sql = f"""
SELECT * FROM (SELECT *, {several} FROM ({_versions(scope, time)})) WHERE versions > 1
ORDER BY service, environment, version, time LIMIT {MAX_VERSION_ROWS + 1}"""
    rows = await queries.rows(scope, sql)
    traffic: dict[str, list[Row]] = {}
    for row in rows[:MAX_VERSION_ROWS]:
        named = {name: decode_text(row[name]) for name in ("version", "environment")}
        step = {**named, "time": row["time"], "spans": row["counted"]}
        traffic.setdefault(decode_text(row["service"]), []).append(step)
    deploys = [{"service": service, **deploy} for service, steps in traffic.items() for deploy in find_deploys(steps)]
    cut = f"only {MAX_VERSION_ROWS} steps of versions were read: take a shorter range"
    return {
        "deploys": sorted(deploys, key=lambda deploy: (deploy["time"], deploy["service"])),
        "warnings": [cut] if len(rows) > MAX_VERSION_ROWS else [],
    }


async def read_running_versions(queries: Queries, tenant: str, between: TimeRange) -> Mapping[str, str]:
    """Service -> its version within the range; all of them, where there are several: `1.9.0, 1.10.0`."""
    scope = Scope(tenant, between)
    known = "groupUniqArrayIf(20)(version, version != '') AS known"
    sql = f"SELECT service, {known} FROM ({_versions(scope, '0')}) GROUP BY service"
    rows = await queries.rows(scope, sql)
    return {decode_text(row["service"]): ", ".join(sorted(map(decode_text, row["known"]))) for row in rows}


def _versions(scope: Scope, time: str) -> str:
    """SQL: the spans of each version at each time: those that enter a service, or all of one that none enters."""
    sums = f"service, resource_id, entry, {time} AS time, sum(spans) AS spans"
    counted = scope.select("resource_red", sums, tail="GROUP BY ALL", alias="red FINAL")
    entered = f"SELECT *, max(entry) OVER (PARTITION BY service) AS entered FROM ({counted})"
    resources = scope.without_time().select("resources", VERSION_COLUMNS, tail="GROUP BY id")
    return f"""
SELECT service, environment, version, time, sum(spans) AS counted
FROM (SELECT * FROM ({entered}) WHERE entry = entered) AS r ANY LEFT JOIN ({resources}) AS v ON r.resource_id = v.id
GROUP BY service, environment, version, time"""
