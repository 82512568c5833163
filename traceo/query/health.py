"""The health of a service in a word and why: its share of errors, and its p95 against as long a time before."""

from traceo.query.run import Queries, Row
from traceo.query.service_map import MIN_REQUESTS, health_of
from traceo.query.services import list_services
from traceo.query.sql import TimeRange

MIN_SLOWDOWN = 1.5
MIN_MEASURED = 100  # requests at both times: a p95 of fewer is chance


def judge(now: Row, before: Row | None) -> tuple[str, str]:
    """(health, reason) of figures, such as `requests`, `error_ratio`, `p95_ms`; `before`: those of the time before.

    The word is that of the map, except that a service that has become slow is `degraded`.
    """
    health = health_of(now["requests"], now["error_ratio"])
    if health == "idle":
        return health, "no requests"
    if health != "healthy":
        return health, f"{now['error_ratio']:.2%} of {now['requests']} requests failed"
    if now["requests"] < MIN_REQUESTS:
        return health, f"fewer than {MIN_REQUESTS} requests: too few to judge"
    measured = before is not None and min(now["requests"], before["requests"]) >= MIN_MEASURED
    if before is not None and measured and now["p95_ms"] >= MIN_SLOWDOWN * before["p95_ms"] > 0:
        return "degraded", f"p95 {now['p95_ms']:.4g} ms, {before['p95_ms']:.4g} ms as long a time before"
    return health, ""


async def list_before(queries: Queries, tenant: str, between: TimeRange) -> dict[str, Row]:
    """Service -> its figures in the range of the same length just before."""
    first = max(2 * between.start_ns - between.end_ns, -(1 << 63))
    if first >= between.start_ns:
        return {}
    rows = await list_services(queries, tenant, TimeRange(first, between.start_ns))
    return {row["service"]: row for row in rows}
