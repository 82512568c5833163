"""A tenant that is sampled on the cluster, with the rounds in a real state database and a clock of the test's."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.sampling.test_sampler import OwnSampler
from tests.sampling.traces import ARRIVAL_S, Trace, insert
from traceo.policies.rounds import SamplingRounds
from traceo.sampling.parse import parse_policies
from traceo.sampling.sampler import Judging
from traceo.state.database import open_state
from traceo.store.cluster import ClusterStore

WAIT_S = 10


class ClusterBench:
    """A tenant with a policy set; `judge` runs a round on each shard."""

    def __init__(self, store: ClusterStore, state_url: str, document: str, *, dry_run: bool = False) -> None:
        self.tenant = f"sampled-{secrets.token_hex(4)}"
        self.store = store
        self.judging = Judging(parse_policies(document).policies, 1, dry_run)
        self.rounds = SamplingRounds(open_state(state_url))
        self.sampler = OwnSampler(store, self.rounds, self.find, {self.tenant})

    def find(self, tenant: str, version: int | None) -> Judging:
        return self.judging

    async def insert(self, *found: Trace) -> None:
        await insert(self.store, self.tenant, list(found), recent=True)

    async def judge(self, second: int) -> None:
        """So many seconds after the end of second ARRIVAL_S."""
        await self.sampler.run_once(ARRIVAL_S + 1 + second)

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        return (await self.store.query(sql, {"tenant": self.tenant})).to_pylist()

    async def kept(self) -> dict[int, int]:
        """Randomness of the traces in `spans` -> number of their spans."""
        sql = "SELECT trace_id, count() AS n FROM spans WHERE tenant = {tenant:String} GROUP BY trace_id"
        return {int.from_bytes(row["trace_id"][-7:], "big"): row["n"] for row in await self.rows(sql)}

    async def ledger(self) -> dict[str, tuple[int, int]]:
        """Verdict -> (traces, spans)."""
        sql = (
            "SELECT verdict, sum(traces) AS t, sum(spans) AS s FROM sampling_ledger "
            "WHERE tenant = {tenant:String} GROUP BY verdict"
        )
        return {row["verdict"]: (row["t"], row["s"]) for row in await self.rows(sql)}


@asynccontextmanager
async def sampled(store: ClusterStore, folder: Path, document: str, **more: bool) -> AsyncIterator[ClusterBench]:
    """Its spans leave the window at the end, so that they are no work for the next test."""
    bench = ClusterBench(store, f"sqlite:///{folder}/state.db", document, **more)
    try:
        yield bench
    finally:
        for host in await store.hosts():
            await store.execute_on(host, "TRUNCATE TABLE spans_recent_local")
