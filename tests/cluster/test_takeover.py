"""Replicas of Traceo on one cluster, with one PostgreSQL: one is killed, or the database is away, all being busy."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.clickhouse import Cluster
from tests.cluster.stores import cluster_store
from tests.e2e.load import ITEMS, Sent, load, wait_for
from tests.e2e.server import RunningServer, running_server
from tests.postgres import Postgres, start_postgres

POLICIES = """
decision_wait: 1s
policies:
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: some, type: probabilistic, probabilistic: {sampling_percentage: 30}}
"""
LEASE_S = 2
TAKEN_OVER_S = LEASE_S + 13  # the lease, the wait, a round; most of it is for a busy machine
POLL_S = 0.25  # between questions to the cluster, whose nodes share the machine
KEPT = "SELECT reinterpretAsUInt64(reverse(span_id)) AS id, count() AS n FROM spans GROUP BY id"
JUDGED = "SELECT sum(spans) AS n FROM sampling_ledger"
ARRIVED = "SELECT count() AS n FROM spans_recent"
DECIDED = "SELECT count() AS n, uniqExact(trace_id) AS traces FROM decisions"
# Of spans that were dropped, or that have no verdict at all.
WRONGLY_KEPT = "SELECT count() AS n FROM spans WHERE trace_id NOT IN (SELECT trace_id FROM decisions WHERE keep)"
LOST = """
SELECT count() AS n FROM spans_recent
WHERE trace_id IN (SELECT trace_id FROM decisions WHERE keep) AND span_id NOT IN (SELECT span_id FROM spans)
"""


class Replicas:
    """Two that share a database of the cluster's and a PostgreSQL."""

    def __init__(self, folder: Path, cluster: Cluster, postgres: Postgres) -> None:
        self.url = cluster.url_of(0, 1, database=f"takeover_{folder.name}")
        self.postgres = postgres
        self.folder = folder
        (folder / "policies.yaml").write_text(POLICIES)

    def run(self, name: str) -> Any:
        """A running server, as a context."""
        return running_server(
            self.folder / name,
            store__url=self.url,
            state__url=self.postgres.url,
            sampling__policy_file=self.folder / "policies.yaml",
            sampling__lease_ttl=f"{LEASE_S}s",
        )

    def rows(self, sql: str) -> list[dict[str, Any]]:
        async def read() -> list[dict[str, Any]]:
            async with cluster_store(self.url) as store:
                return (await store.query(sql)).to_pylist()

        return asyncio.run(read())

    def number(self, sql: str) -> int:
        found: int = self.rows(sql)[0]["n"]
        return found

    def check(self, sent: Sent) -> None:
        """Every acknowledged span has one verdict, and is stored once if that is to keep it."""
        wait_for(lambda: self.number(JUDGED) == self.number(ARRIVED), 60, POLL_S)
        (decided,) = self.rows(DECIDED)
        assert decided["n"] == decided["traces"] == self.number(ARRIVED) >= len(sent.acknowledged["traces"])
        kept = {row["id"]: row["n"] for row in self.rows(KEPT)}
        assert set(kept.values()) == {1}
        assert {number for number in sent.acknowledged["traces"] if number % 4 == 0} <= kept.keys()
        assert (self.number(WRONGLY_KEPT), self.number(LOST)) == (0, 0)


@pytest.fixture
def replicas(tmp_path: Path, cluster: Cluster) -> Iterator[Replicas]:
    with start_postgres() as postgres:
        yield Replicas(tmp_path, cluster, postgres)


def test_replica_takes_over_within_seconds_of_a_kill_and_no_verdict_is_missed_or_doubled(replicas: Replicas) -> None:
    sent = Sent()
    with replicas.run("first") as first, _load(first, sent):
        _until_judged(replicas)  # alone, so that it holds the lease
        with replicas.run("second") as second, _load(second, sent):
            _kill(first, replicas)
            with replicas.run("third") as third:
                with _load(third, sent):
                    _kill(second, replicas)
                replicas.check(sent)


def test_outage_of_the_state_database_stops_sampling_for_its_time_and_loses_nothing(replicas: Replicas) -> None:
    sent = Sent()
    with replicas.run("only") as server:
        with _load(server, sent):
            _until_judged(replicas)
            replicas.postgres.stop()
            acknowledged = len(sent.acknowledged["traces"])
            wait_for(lambda: "the lease sampling was not renewed" in server.log())
            wait_for(lambda: len(sent.acknowledged["traces"]) > acknowledged + 5 * ITEMS)
            replicas.postgres.start()
            judged = replicas.number(JUDGED)
            wait_for(lambda: replicas.number(JUDGED) > judged, poll_s=POLL_S)
        replicas.check(sent)
    assert sent.refusals == []


def _load(server: RunningServer, sent: Sent) -> AbstractContextManager[None]:
    return load(server, sent, 1, ("traces",), pause_s=0.05)


def _until_judged(replicas: Replicas) -> None:
    wait_for(lambda: replicas.number(JUDGED) > 0, poll_s=POLL_S)


def _kill(victim: RunningServer, replicas: Replicas) -> None:
    """The holder of the lease, at work: the other one goes on."""
    victim.kill()
    killed, judged = time.monotonic(), replicas.number(JUDGED)
    wait_for(lambda: replicas.number(JUDGED) > judged, poll_s=POLL_S)
    assert time.monotonic() - killed < TAKEN_OVER_S
