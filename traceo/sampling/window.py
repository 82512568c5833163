"""What lies in a table of the recent window of one node: its parts, from which rounds know what is new."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from traceo.errors import StoreUnavailable
from traceo.sampling.round import END_OF_TIME_S
from traceo.store.base import Store

PARTS = """
SELECT partition_id AS partition, max_block_number AS block, toUnixTimestamp(min_time) AS since_s,
    toUnixTimestamp(max_time) AS until_s, toUnixTimestamp64Milli(now64(3)) AS now_ms
FROM system.parts WHERE active AND database = currentDatabase() AND table = '{table}{local}'
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of the window that lie together on disk: their last block, and when the first and the last arrived."""

    partition: str
    block: int
    since_s: int
    until_s: int


@dataclass(frozen=True, slots=True)
class Window:
    """A table of the recent window of a shard: of its name the end, its parts, and the time by the node's clock.

    That clock stays when another Traceo takes over. `host` is the node that answers for the shard, whose rounds go by
    the name of its first node.
    """

    shard: str
    host: str
    local: str
    parts: Sequence[Part]
    now_s: float

    def newest_blocks(self) -> dict[str, int]:
        """The last block of each partition."""
        newest: dict[str, int] = {}
        for part in self.parts:
            newest[part.partition] = max(part.block, newest.get(part.partition, 0))
        return newest

    def still_known(self, blocks: Mapping[str, int]) -> dict[str, int]:
        """The last blocks of a round, without those of partitions that have gone or whose numbers began anew."""
        newest = self.newest_blocks()
        return {partition: block for partition, block in blocks.items() if block <= newest.get(partition, 0)}

    def new_from(self, blocks_from: Mapping[str, int]) -> int:
        """No row of later blocks arrived before this second of 1970.

        A new block may have been merged with older ones: the answer is then too early, which only costs reading.
        """
        new = (part.since_s for part in self.parts if part.block > blocks_from.get(part.partition, 0))
        return min(new, default=END_OF_TIME_S)


async def find_host(store: Store, replicas: Sequence[str]) -> str:
    """The first node of a shard that answers. Raises StoreUnavailable when none does."""
    for host in replicas[:-1]:
        with contextlib.suppress(StoreUnavailable):
            await store.query_on(host, "SELECT 1 AS here")
            return host
    return replicas[-1]


async def read_window(
    store: Store, replicas: Sequence[str], host: str, local: str, table: str, now_s: float | None = None
) -> Window:
    """The parts of `spans_recent` or `logs_recent` as they are. `now_s`: the time, for tests."""
    rows = (await store.query_on(host, PARTS.format(table=table, local=local))).to_pylist()
    clock_s = rows[0]["now_ms"] / 1000 if rows else time.time()
    parts = [Part(row["partition"], row["block"], row["since_s"], row["until_s"]) for row in rows]
    return Window(replicas[0], host, local, parts, now_s or clock_s)
