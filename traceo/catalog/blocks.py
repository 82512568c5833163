"""Sums of edges over ten minutes, an hour and a day, computed when such a block has ended or late spans changed it.

On a cluster each shard sums its own rows; a block is read only once all of them have.
"""

from collections.abc import Collection

from traceo.query.edge_blocks import DONE, SPANS_S, cover, edge_conditions, group_done
from traceo.store.base import Store

COLUMNS = "tenant, client, server, kind, calls, errors, duration_sum_ns, durations"
SUM = """
INSERT INTO service_edges_blocks{local}
SELECT tenant, {span_s}, toDateTime({block}, 'UTC'), client, server, kind, sum(calls), sum(errors),
    sum(duration_sum_ns), sumMap(durations), now64(3)
FROM ({rows})
GROUP BY tenant, client, server, kind
"""
MARK = "INSERT INTO edge_blocks_done{local} SELECT {span_s}, toDateTime({block}, 'UTC'), now64(3)"


async def roll_blocks(store: Store, minutes: Collection[int], now: int) -> None:
    """Sum the blocks that hold these minutes and have ended by now, all in unix seconds; small ones before large."""
    due = {span_s: _ended({minute // span_s * span_s for minute in minutes}, span_s, now) for span_s in SPANS_S}
    ends = [block + span_s for span_s, blocks in due.items() for block in blocks]
    if not ends:
        return
    local = "_local" if (await store.layout()).cluster else ""
    within = {"first": min(min(blocks) for blocks in due.values() if blocks), "last": max(ends)}
    table = await store.query(DONE, within)
    done = {span_s: set(begins) for span_s, begins in group_done(*(column.to_pylist() for column in table)).items()}
    hosts = [host for host, *_ in await store.shards()]
    for place in reversed(range(len(SPANS_S))):
        span_s = SPANS_S[place]
        for block in due[span_s]:
            conditions = edge_conditions(cover(block, block + span_s, done, SPANS_S[place + 1 :]), str)
            rows = " UNION ALL ".join(
                f"SELECT {COLUMNS} FROM {table}{local} FINAL WHERE {where}" for table, where in conditions.items()
            )
            for host in hosts:
                await store.execute_on(host, SUM.format(local=local, span_s=span_s, block=block, rows=rows))
            await store.execute_on(hosts[0], MARK.format(local=local, span_s=span_s, block=block))
            done.setdefault(span_s, set()).add(block)


def _ended(blocks: Collection[int], span_s: int, now: int) -> list[int]:
    return sorted(block for block in blocks if block + span_s <= now)
