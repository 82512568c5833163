"""Traces that exemplars lead to are kept, so that a point of a chart has its trace.

An exemplar comes with its metric, before its trace's verdict or after it. Every few seconds those that are new become
rows of `kept_traces`, which a round honours: what was dropped meanwhile is brought back.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from traceo.errors import TraceoError
from traceo.sampling.sampler import Judging
from traceo.sampling.validate import ON_DEMAND
from traceo.store.base import Store

logger = logging.getLogger(__name__)

EXEMPLAR = f"{ON_DEMAND}: exemplar"
INTERVAL_S = 5.0
LOOK_BACK_S = 60  # blocks that become visible late; whole minutes, because limits are by the minute

RECENT = "received_at >= toStartOfMinute(toDateTime({since:Int64})) AND trace_id != toFixedString('', 16)"
TENANTS = f"SELECT DISTINCT tenant FROM exemplars WHERE {RECENT}"
# The first of each series and minute; of those the first of the tenant and minute. More that come change neither.
KEEP = f"""
INSERT INTO kept_traces (tenant, source, trace_id)
SELECT {{tenant:String}}, '{EXEMPLAR}', trace_id
FROM
(
    SELECT trace_id, min(first) AS arrived
    FROM
    (
        SELECT series_id, trace_id, min(received_at) AS first FROM exemplars
        WHERE tenant = {{tenant:String}} AND {RECENT}
        GROUP BY series_id, trace_id
        ORDER BY first, trace_id LIMIT 1 BY series_id, toStartOfMinute(first)
    )
    GROUP BY trace_id
    ORDER BY arrived, trace_id LIMIT {{limit:UInt32}} BY toStartOfMinute(arrived)
)
WHERE trace_id NOT IN
(
    SELECT trace_id FROM kept_traces
    WHERE tenant = {{tenant:String}} AND source = '{EXEMPLAR}' AND requested_at >= toDateTime({{since:Int64}}) - 60
)
"""


async def keep_exemplars(store: Store, judging: Callable[[str, int | None], Judging | None], now_s: float) -> None:
    """Ask for the traces of all exemplars since a minute before `now_s`, of every tenant that samples."""
    since = int(now_s) - LOOK_BACK_S
    found = await store.query(TENANTS, {"since": since})
    for tenant in sorted(found["tenant"].to_pylist()):
        judged = judging(tenant, None)
        limit = judged.policies.exemplar_traces_per_minute if judged else 0
        if limit:
            await store.execute(KEEP, {"tenant": tenant, "since": since, "limit": limit})


async def keep_exemplars_forever(
    store: Store, judging: Callable[[str, int | None], Judging | None], may_work: Callable[[], bool]
) -> None:
    """Until cancelled. `may_work` says before each look whether the work is this replica's."""
    while True:
        try:
            if may_work():
                await keep_exemplars(store, judging, time.time())
        except TraceoError as error:
            logger.warning("the traces of exemplars were not asked for, trying again: %s", error)
        await asyncio.sleep(INTERVAL_S)
