"""The health of a service in a word and why: its share of errors, and its p95 against as long a time before."""

from traceo.query.run import Queries, Row
from traceo.query.service_map import MIN_REQUESTS, health_of
from traceo.query.services import QUANTILES, compile_services
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text

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


async def list_before(queries: Queries, tenant: str, between: TimeRange, service: str | None = None) -> dict[str, Row]:
    """Service -> its `requests` and quantiles in the range of the same length just before; of all, or of one."""
    first = max(2 * between.start_ns - between.end_ns, -(1 << 63))
    if first >= between.start_ns:
        return {}
    scope = Scope(tenant, TimeRange(first, between.start_ns))
    rows = await queries.rows(scope, compile_services(scope, service))
    return {
        decode_text(row["service"]): {
            "requests": row["requests"],
            **dict(zip(QUANTILES, row["quantiles_ms"], strict=True)),
        }
        for row in rows
    }
