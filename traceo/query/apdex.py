"""Apdex: how many requests were as fast as their service's owner says that they must be."""

import math
from collections.abc import Mapping

from traceo.query.run import Queries
from traceo.query.services import ENTRY
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text

TOLERATED = 4  # times the threshold
COUNTS = f"""
service, {ENTRY} AS entry,
transform(toString(service), [{{names}}], [{{limits}}]::Array(Float64), 0.) AS limit_ms,
16 * log2(limit_ms * 1e6) AS satisfies,
16 * log2(limit_ms * 1e6 * {TOLERATED}) AS tolerates,
sum(arraySum((bucket, n) -> n * ((bucket + 0.5 <= satisfies) + (bucket + 0.5 <= tolerates)) / 2,
    mapKeys(durations), mapValues(durations))) AS points,
sum(spans) AS requests
"""
SCORES = "SELECT service, argMax(points, entry) / argMax(requests, entry) AS score FROM ({counts}) GROUP BY service"


async def read_apdex(
    queries: Queries, tenant: str, between: TimeRange, thresholds_ms: Mapping[str, float]
) -> dict[str, float]:
    """Service -> (satisfied + tolerated / 2) / requests, 0 to 1, of those that have a threshold and had requests.

    Requests within the threshold satisfy, those within four times of it are tolerated (Apdex Alliance, "Application
    Performance Index", 1.1); the ends are right to 2.2 %, as the roll-up's buckets are. A failed request counts by its
    time. Requests are the spans that enter the service, or all spans of one that none enters, as in `/services`.
    """
    known = {name: ms for name, ms in thresholds_ms.items() if ms > 0 and math.isfinite(ms)}
    if not known:
        return {}
    scope = Scope(tenant, between)
    names = ", ".join(scope.bind(name) for name in known)
    columns = COUNTS.format(names=names, limits=", ".join(repr(float(ms)) for ms in known.values()))
    counts = scope.select("span_red", columns, [f"service IN ({names})"], "GROUP BY service, entry")
    rows = await queries.rows(scope, SCORES.format(counts=counts))
    return {decode_text(row["service"]): row["score"] for row in rows}
