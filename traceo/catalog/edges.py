"""Computes `service_edges` (who called whom) and `resource_red` (what each process did), exactly, from all spans.

A call crosses services when a span's parent belongs to another one. Parent and child may arrive in different blocks,
so that a minute is computed after its spans arrived, and again whenever more of them arrive; the newest result holds.
A trace's spans are all on one shard: each node computes its own edges from its own tables, and readers add them up.

Spans that sampling kept (`kept_by`) came through the recent window and were counted there: only spans that were never
judged are counted from `spans`. What has left the window is missing when a late span has its minute computed again;
calls only ever become more, so that a result with fewer than are known is not written.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from traceo.catalog.blocks import roll_blocks
from traceo.catalog.outside import ATTRIBUTES, CONSUME, ENTRY, EXTERNAL, TARGET, USER
from traceo.errors import TraceoError
from traceo.store.base import Store

logger = logging.getLogger(__name__)

INTERVAL_S = 30.0
ANSWER_WAIT_S = 15  # how much later than its client's a server's span may arrive
OVERLAP_S = ANSWER_WAIT_S + 10  # and blocks that were being written while the last run looked
PARENT_STARTS_BEFORE_S = 600
SPANS_AT_ONCE = 1_000_000  # bounds the memory of one statement: 40 bytes a span

TOUCHED = """
SELECT toUnixTimestamp(toStartOfMinute(start_time)) AS minute, count() AS spans
FROM
(
    SELECT start_time, received_at FROM spans{local} WHERE kept_by = ''
    UNION ALL SELECT start_time, received_at FROM spans_recent{local}
)
WHERE received_at >= toDateTime({since}) AND start_time BETWEEN now() - INTERVAL 2 DAY AND now() + INTERVAL 1 DAY
GROUP BY minute ORDER BY minute
"""
LAST = "SELECT toUnixTimestamp(max(computed_at)) AS moment FROM service_edges{local}"
BUCKET = "toUInt16(floor(16 * log2(greatest(duration_ns, 1))))"
SUMS = f"{BUCKET} AS bucket, count() AS n, countIf(status_code = 2) AS failed, sum(duration_ns) AS total"
WITHIN = "start_time >= from_time AND start_time < to_time"
TIMES = "WITH toDateTime({first}, 'UTC') AS from_time, toDateTime({last}, 'UTC') + INTERVAL 1 MINUTE AS to_time"
# The keys of the joins are fixed bytes, for which the engine has the fastest hash table: of tenants a hash, because two
# of them may have the same trace; they are compared after it.
CALLS = f"""
SELECT tenant, minute, client, server, if(span_kind = 5, 'messaging', 'call') AS kind, {SUMS}
FROM
(
    SELECT tenant, cityHash64(tenant) AS owner, toStartOfMinute(start_time) AS minute, trace_id,
        parent_span_id AS span_id, service AS server, kind AS span_kind, duration_ns, status_code
    FROM ({{spans}})
    WHERE {WITHIN} AND parent_span_id != toFixedString('', 8)
) AS child
ANY LEFT JOIN
(
    SELECT tenant AS parent_tenant, cityHash64(tenant) AS owner, trace_id, span_id, service AS client
    FROM ({{parents}})
    WHERE start_time >= from_time - INTERVAL {{before}} SECOND AND start_time < to_time + INTERVAL 1 MINUTE
) AS parent
USING (owner, trace_id, span_id)
WHERE client NOT IN ('', server) AND tenant = parent_tenant
GROUP BY tenant, minute, client, server, kind, bucket
"""
# A client span is a call to the outside only if no server answered it. That server's span may arrive later than the
# client's, so that the youngest client spans wait for the next round.
OUTSIDE = f"""
SELECT tenant, minute, if(target.1 = '{CONSUME}', target.2, service) AS client,
    if(target.1 = '{CONSUME}', service, target.2) AS server, target.1 AS kind, {SUMS}
FROM
(
    SELECT tenant, cityHash64(tenant) AS owner, toStartOfMinute(start_time) AS minute, trace_id, span_id,
        toString(service) AS service, received_at, duration_ns, status_code, {TARGET} AS target
    FROM
    (
        SELECT tenant, start_time, trace_id, span_id, service, received_at, duration_ns, status_code, kind,
            asked AS attributes
        FROM (SELECT *, {ATTRIBUTES} AS asked FROM ({{attributed}}) WHERE {WITHIN} AND kind IN (3, 4, 5))
    )
) AS caller
ANY LEFT JOIN
(
    SELECT tenant AS answer_tenant, cityHash64(tenant) AS owner, trace_id, parent_span_id AS span_id, 1 AS answered
    FROM ({{parents}})
    WHERE start_time >= from_time - INTERVAL 1 MINUTE AND start_time < to_time + INTERVAL {{before}} SECOND
        AND kind IN (2, 5)
) AS answer
USING (owner, trace_id, span_id)
WHERE target.2 != '' AND service != ''
    AND NOT (kind = '{EXTERNAL}' AND (answered = 1 AND tenant = answer_tenant OR received_at > now() - {{wait}}))
GROUP BY tenant, minute, client, server, kind, bucket
"""
ENTRIES = f"""
SELECT tenant, toStartOfMinute(start_time) AS minute, '{USER}' AS client, service AS server, '{ENTRY}' AS edge_kind,
    {SUMS}
FROM ({{spans}})
WHERE {WITHIN} AND kind = 2 AND parent_span_id = toFixedString('', 8)
GROUP BY tenant, minute, client, server, edge_kind, bucket
"""
COMPUTE = f"""
INSERT INTO service_edges{{local}}
{TIMES}
SELECT tenant, minute, client, server, kind, calls, errors, total_ns, durations, now64(3)
FROM
(
    SELECT tenant, minute, client, server, kind, sum(n) AS calls, sum(failed) AS errors, sum(total) AS total_ns,
        mapFromArrays(groupArray(bucket), groupArray(n)) AS durations
    FROM ({CALLS} UNION ALL {OUTSIDE} UNION ALL {ENTRIES})
    GROUP BY tenant, minute, client, server, kind
) AS found
ANY LEFT JOIN
(
    SELECT tenant, minute, client, server, kind, argMax(calls, computed_at) AS known
    FROM service_edges{{local}}
    WHERE minute >= from_time AND minute < to_time
    GROUP BY tenant, minute, client, server, kind
) AS before
USING (tenant, minute, client, server, kind)
WHERE calls >= known
"""
RESOURCES = f"""
INSERT INTO resource_red{{local}}
{TIMES}
SELECT tenant, minute, service, resource_id, entry, counted, errors, durations, now64(3)
FROM
(
    SELECT tenant, minute, service, resource_id, entry, sum(n) AS counted, sum(failed) AS errors,
        mapFromArrays(groupArray(bucket), groupArray(n)) AS durations
    FROM
    (
        SELECT tenant, toStartOfMinute(start_time) AS minute, service, resource_id, kind IN (2, 5) AS entry, {SUMS}
        FROM ({{spans}})
        WHERE {WITHIN}
        GROUP BY tenant, minute, service, resource_id, entry, bucket
    )
    GROUP BY tenant, minute, service, resource_id, entry
) AS found
ANY LEFT JOIN
(
    SELECT tenant, minute, service, resource_id, entry, argMax(spans, computed_at) AS known
    FROM resource_red{{local}}
    WHERE minute >= from_time AND minute < to_time
    GROUP BY tenant, minute, service, resource_id, entry
) AS before
USING (tenant, minute, service, resource_id, entry)
WHERE counted >= known
"""
COLUMNS = "tenant, start_time, trace_id, span_id, parent_span_id, service, kind, duration_ns, status_code, resource_id"


async def roll_edges(store: Store, since: datetime, wait_s: int = ANSWER_WAIT_S) -> int:
    """Compute every minute that received spans after `since`, on each shard; returns how many.

    Calls to external hosts are counted `wait_s` after they arrived.
    """
    local = "_local" if (await store.layout()).cluster else ""
    durable, resting = (f"SELECT {COLUMNS} FROM {table}{local}" for table in ("spans", "spans_recent"))
    new, more = f"{durable} WHERE kept_by = '' UNION ALL {resting}", ", received_at, attributes FROM "
    sources = {"spans": new, "attributed": new.replace(" FROM ", more), "parents": f"{durable} UNION ALL {resting}"}
    minutes: set[int] = set()
    computed = 0
    for host, *_ in await store.shards():
        touched = await store.query_on(host, TOUCHED.format(local=local, since=int(since.timestamp())))
        for first, last in _ranges([(row["minute"], row["spans"]) for row in touched.to_pylist()]):
            between = {"first": first, "last": last, "before": PARENT_STARTS_BEFORE_S, "wait": wait_s}
            for statement in (COMPUTE, RESOURCES):
                await store.execute_on(host, statement.format(local=local, **sources, **between))
        computed += touched.num_rows
        minutes.update(touched["minute"].to_pylist())
    await roll_blocks(store, minutes, int(time.time()))
    return computed


def _ranges(minutes: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """(first, last) minutes that lie close together and hold about SPANS_AT_ONCE spans, in order."""
    first, last, total = None, 0, 0
    for minute, spans in minutes:
        if first is not None and (total + spans > SPANS_AT_ONCE or minute - last > PARENT_STARTS_BEFORE_S):
            yield first, last
            first, total = None, 0
        first, last, total = minute if first is None else first, minute, total + spans
    if first is not None:
        yield first, last


async def roll_edges_forever(store: Store, interval_s: float = INTERVAL_S) -> None:
    """Keep the edges up to date until cancelled. A failed round is logged and made up for by the next."""
    since: datetime | None = None
    while True:
        started = datetime.now(UTC) - timedelta(seconds=OVERLAP_S)
        try:
            await roll_edges(store, since or await _last_run(store))
            since = started
        except TraceoError as error:
            logger.warning("service edges were not computed, trying again: %s", error)
        await asyncio.sleep(interval_s)


async def _last_run(store: Store) -> datetime:
    """When edges were computed before this process began, an hour ago at most."""
    local = "_local" if (await store.layout()).cluster else ""
    moments = [
        (await store.query_on(host, LAST.format(local=local)))["moment"][0].as_py() for host in await store.hosts()
    ]
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    return max(hour_ago, datetime.fromtimestamp(min(moments), UTC) - timedelta(seconds=INTERVAL_S + OVERLAP_S))
