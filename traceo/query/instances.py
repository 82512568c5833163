"""The processes of a service with their own figures: one that is slower or fails more than the others stands out."""

import asyncio

from traceo.query.run import Queries, Row
from traceo.query.service_facts import facts_of, select_processes
from traceo.query.services import QUANTILES_MS, observed_seconds, red_of
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text

MAX_INSTANCES = 500
NAMES = {"instance": "instances", "pod": "pods", "host": "hosts", "version": "versions"}  # column -> field of FACTS
SAID = ", ".join(f"said[{place}] AS {name}" for place, name in enumerate(NAMES, 1))
COLUMNS = f"any({facts_of(*NAMES.values())}) AS said, {SAID}"


async def list_instances(queries: Queries, tenant: str, service: str, between: TimeRange) -> list[Row]:
    """Those that sent spans, the busiest first, at most MAX_INSTANCES; of one that says no name, pod or host: ""."""
    scope = Scope(tenant, between)
    sql = f"""
SELECT {", ".join(NAMES)}, sum(spans) AS requests, sum(errors) AS failed, {QUANTILES_MS} AS quantiles_ms,
    toUnixTimestamp(min(minute)) AS first, toUnixTimestamp(max(minute)) AS last
FROM ({select_processes(scope, service, f"id, {COLUMNS}")})
GROUP BY {", ".join(NAMES)} ORDER BY requests DESC, {", ".join(NAMES)} LIMIT {MAX_INSTANCES}"""
    rows, seconds = await asyncio.gather(queries.rows(scope, sql), observed_seconds(queries, tenant, between))
    return [
        {
            **{name: decode_text(row[name]) for name in NAMES},
            **red_of(row, seconds),
            "first_seen": row["first"],
            "last_seen": row["last"],
        }
        for row in rows
    ]
