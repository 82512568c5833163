"""The store on a ClickHouse cluster: each request goes to one host, which spreads it over the shards.

Nothing is kept here that a restart would lose, so any number of Traceo processes may use one cluster. Tables named
without suffix are `Distributed` over the shards' `<name>_local`.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from traceo.errors import ConfigError, StoreError, StoreUnavailable, TraceoError
from traceo.store.base import REJECTS, Batch, Layout, Outcome, QueryLimits, Request, Signal, read_outcomes
from traceo.store.cluster_http import ClusterHttp, Statement, may_have_run
from traceo.store.cluster_url import ClusterUrl, Host, parse_cluster_url, parse_host
from traceo.store.frame import frame_batch, insert_settings, insert_statement

logger = logging.getLogger(__name__)

INSERT_TIMEOUT_S = 15.0
INSERT_ROUNDS = 2
# How much longer than the engine's own limit the answer may take before the connection is given up.
GRACE_S = 5.0
FORGET_TIMEOUT_S = 3.0

Settings = dict[str, str | int | float]

# A frozen shard is given up after 2 x 3 s instead of 3 x 10 s, before the query's own time is over and takes the blame.
SHARD_SETTINGS: Settings = {
    "handshake_timeout_ms": 3000,
    "connections_with_failover_max_tries": 2,
    # `x IN (SELECT ... FROM another table)` is asked of all shards once; the default refuses it.
    "distributed_product_mode": "global",
    # The cache takes `x IN (SELECT ...)` for the same condition whatever values are bound inside (26.9).
    "use_query_condition_cache": 0,
}
# Statements wait for all shards, so that a success is one; `wait_end_of_query` turns an error that comes late, after
# the first rows of the answer, into an HTTP error.
WRITE_SETTINGS: Settings = {
    **SHARD_SETTINGS,
    "distributed_foreground_insert": 1,
    "wait_end_of_query": 1,
    "async_insert": 0,
    # A changed table is changed on all replicas before the next one is asked: it would refuse (code 517).
    "alter_sync": 2,
}
# The engine skips a block whose token and number a table has seen. The numbers are the same in every attempt because a
# batch is one block (frame.py) and nothing runs in parallel that could reorder what the views make of it.
INSERT_SETTINGS: Settings = {
    **WRITE_SETTINGS,
    "max_insert_threads": 1,
    "parallel_view_processing": 0,
    "distributed_background_insert_timeout": int(INSERT_TIMEOUT_S - GRACE_S),
    "load_balancing": "in_order",
}
# readonly=2 forbids writes and DDL, and lets the text carry SETTINGS.
READ_SETTINGS: Settings = {
    **SHARD_SETTINGS,
    "readonly": 2,
    "default_format": "ArrowStream",
    "wait_end_of_query": 1,
    "result_overflow_mode": "throw",
    "load_balancing": "in_order",
    "cancel_http_readonly_queries_on_client_close": 1,
}

READ_REJECTS = f"{REJECTS} SETTINGS optimize_skip_unused_shards = 1"
FORGET_SEEN = "TRUNCATE TABLE seen"
CREATE_DATABASE = "CREATE DATABASE IF NOT EXISTS {name:Identifier}"
READ_NODES = """
SELECT shard_num, host_name, port FROM system.clusters WHERE cluster = {cluster:String} ORDER BY shard_num, replica_num
"""
# `clusterAllReplicas` makes every replica a shard of its own, numbered in the order of READ_NODES.
READ_PORTS = """
SELECT getServerPort({protocol:String}) AS port FROM clusterAllReplicas({cluster:String}, system.one)
ORDER BY _shard_num
"""
READ_SHARD = "SELECT getMacro('shard') AS shard"
READ_KEEPER = "SELECT count() AS tables FROM system.tables WHERE database = 'system' AND name = 'zookeeper_connection'"
READ_FREE_BYTES = "SELECT min(unreserved_space) AS free FROM {disks} WHERE type = 'Local' OR type = 'local'"
# The address that an engine error blames: "(host:port, local address: ...)" or "(host:port)".
BLAMED = re.compile(r"\(([^\s(),]+:\d+)[,)]")


class ClusterStore:
    """`Store` over HTTP, with fail-over between the hosts of its URL. Connects when first asked."""

    def __init__(self, url: str, *, connections: int, limits: QueryLimits) -> None:
        """`connections` is for each host; `limits`, none of them 0, where a query gives none. Raises ConfigError."""
        self.url: ClusterUrl = parse_cluster_url(url)
        self._limits = limits
        self._http = ClusterHttp(self.url, connections)
        self._nodes: Sequence[Host] = self.url.hosts
        self._with_database: set[Host] = set()
        self._shard_of: dict[str, str] = {}

    async def insert(self, signal: Signal, requests: Sequence[Request], batch: Batch | None = None) -> list[Outcome]:
        """See `Store.insert`. Every attempt of this call sends the same token, batch id and bytes."""
        batch = batch or Batch.new()
        statement = Statement(
            f"{insert_statement(signal)} FORMAT Protobuf",
            {**insert_settings(signal, batch), **INSERT_SETTINGS},
            data=b"".join(frame_batch(requests, batch)),
            timeout_s=INSERT_TIMEOUT_S,
        )
        try:
            await self._http.send(statement, rounds=INSERT_ROUNDS, attempt=self._insert_once)
        except StoreUnavailable as error:
            raise await self._name_shard(error) from error
        return await self._read_outcomes(batch.id, len(requests))

    async def query(
        self, sql: str, params: Mapping[str, Any] | None = None, limits: QueryLimits | None = None
    ) -> pa.Table:
        """See `Store.query`. A shard that does not answer fails the query: a partial result is never returned."""
        settings = _limit_settings(limits or self._limits, self._limits)
        timeout_s = float(settings["max_execution_time"]) + GRACE_S
        statement = Statement(sql, {**READ_SETTINGS, **settings}, params, timeout_s=timeout_s)
        try:
            answer = await self._http.send(statement)
        except StoreUnavailable as error:
            raise await self._name_shard(error) from error
        return _read_arrow(answer)

    async def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> None:
        """See `Store.execute`. Runs at most once: a statement that a host has received is not sent to another."""
        try:
            await self._http.send(Statement(sql, WRITE_SETTINGS, params, repeatable=False))
        except StoreUnavailable as error:
            raise await self._name_shard(error) from error

    async def free_disk_bytes(self) -> int:
        """Free bytes of the fullest local disk of any node."""
        disks = "clusterAllReplicas({cluster:String}, system.disks)" if self.url.cluster else "system.disks"
        sql = READ_FREE_BYTES.replace("{disks}", disks)
        table = await self.query(sql, {"cluster": self.url.cluster})
        return int(table["free"][0].as_py())

    async def close(self) -> None:
        """Close all connections; running requests fail."""
        await self._http.close()

    async def layout(self) -> Layout:
        """One node without `cluster` in the URL; replicated where the cluster has a Keeper."""
        if not self.url.cluster:
            return Layout()
        rows = await self._read_bare(READ_KEEPER, {})
        return Layout(self.url.cluster, replicated=bool(rows[0]["tables"]))

    async def hosts(self) -> list[str]:
        """Every server of the cluster, by shard and replica. Raises StoreUnavailable when one of them does not answer.

        The hosts of the URL are the nodes when there are as many of them: behind forwarded ports only they can be
        reached. Otherwise (a load balancer, or some of the nodes) each node is asked for its HTTP port.
        """
        if not self.url.cluster:
            return [str(self.url.hosts[0])]
        self._nodes = await self._find_nodes()
        return [str(node) for node in self._nodes]

    async def shards(self) -> list[list[str]]:
        """See `Store.shards`. Replicas know their shard by the macro that the paths of their tables have, too.

        A node that has never answered is left out: another one of its shard stands for it.
        """
        hosts = await self.hosts()
        if not (await self.layout()).replicated:
            return [[host] for host in hosts]
        await asyncio.gather(*(self._learn_shard(host) for host in hosts if host not in self._shard_of))
        known = [host for host in hosts if host in self._shard_of]
        shards = dict.fromkeys(self._shard_of[host] for host in known)
        return [[host for host in known if self._shard_of[host] == shard] for shard in shards]

    async def _learn_shard(self, host: str) -> None:
        with contextlib.suppress(StoreUnavailable):
            self._shard_of[host] = (await self.query_on(host, READ_SHARD))["shard"][0].as_py()

    async def execute_on(self, host: str, sql: str, params: Mapping[str, Any] | None = None) -> None:
        """See `Store.execute_on`. A node gets the URL's database before the first statement."""
        node = parse_host(host, self.url.default_port)
        if node not in self._with_database:
            create = Statement(CREATE_DATABASE, {"database": "default"}, {"name": self.url.database})
            await self._http.send_to(node, create)
            self._with_database.add(node)
        await self._http.send_to(node, Statement(sql, WRITE_SETTINGS, params))

    async def query_on(self, host: str, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """See `Store.query_on`."""
        node = parse_host(host, self.url.default_port)
        return _read_arrow(await self._http.send_to(node, Statement(sql, READ_SETTINGS, params)))

    async def _insert_once(self, host: Host, statement: Statement) -> bytes:
        try:
            return await self._http.send_to(host, statement)
        except StoreError as error:
            if may_have_run(error):
                await asyncio.gather(*map(self._forget_seen, self._nodes))
            raise

    async def _forget_seen(self, node: Host) -> None:
        """After a failed attempt a node may know series that were not stored: they must be written again."""
        with contextlib.suppress(TraceoError):
            await self._http.send_to(node, Statement(FORGET_SEEN, WRITE_SETTINGS, timeout_s=FORGET_TIMEOUT_S))

    async def _find_nodes(self) -> Sequence[Host]:
        nodes = await self._read_bare(READ_NODES, {"cluster": self.url.cluster})
        if not nodes:
            raise ConfigError(f"store.url: the servers know no cluster {self.url.cluster!r} (remote_servers)")
        if len(nodes) == len(self.url.hosts):
            return self.url.hosts
        protocol = "https_port" if self.url.secure else "http_port"
        ports = await self._read_bare(READ_PORTS, {"cluster": self.url.cluster, "protocol": protocol})
        return [Host(node["host_name"], http["port"]) for node, http in zip(nodes, ports, strict=True)]

    async def _read_outcomes(self, batch_id: int, requests: int) -> list[Outcome]:
        """What was refused. All else is committed: an error here would make the senders send it again."""
        try:
            table = await self.query(READ_REJECTS, {"id": batch_id})
        except TraceoError as error:
            logger.warning("nobody can be told what batch %d refused (table rejects): %s", batch_id, error)
            return [Outcome()] * requests
        return read_outcomes(table, requests)

    async def _read_bare(self, sql: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Rows of system tables, whether or not the store's database exists."""
        answer = await self._http.send(Statement(sql, {**READ_SETTINGS, "database": "system"}, params))
        rows: list[dict[str, Any]] = _read_arrow(answer).to_pylist()
        return rows

    async def _name_shard(self, error: StoreUnavailable) -> StoreUnavailable:
        """The same failure with the shard's number, where the engine blames an address of the cluster."""
        blamed = set(BLAMED.findall(error.message))
        if not blamed or not self.url.cluster:
            return error
        try:
            nodes = await self._read_bare(READ_NODES, {"cluster": self.url.cluster})
        except StoreError:
            return error
        for node in nodes:
            address = f"{node['host_name']}:{node['port']}"
            if address in blamed:
                text = f"shard {node['shard_num']} of cluster {self.url.cluster} ({address}) does not answer"
                return StoreUnavailable(text, code=error.code)
        return error


def _limit_settings(limits: QueryLimits, default: QueryLimits) -> dict[str, int | float]:
    return {
        "max_execution_time": limits.timeout_s or default.timeout_s,
        "max_result_rows": limits.max_result_rows or default.max_result_rows,
        "max_memory_usage": limits.max_memory_bytes or default.max_memory_bytes,
    }


def _read_arrow(answer: bytes) -> pa.Table:
    with pa.ipc.open_stream(answer) as reader:
        return reader.read_all()
