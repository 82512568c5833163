"""The contract of a store: bytes in, Arrow tables out. `embedded.py` (chDB) and `cluster.py` (ClickHouse) keep it."""

from __future__ import annotations

import secrets
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa


class Signal(StrEnum):
    """A kind of telemetry, as it comes; the value names its wire schema."""

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"
    PLAIN_WRITE = "plain_write"  # remote write of samples alone
    REMOTE_WRITE = "remote_write"  # any other remote write
    LOKI = "loki"  # log lines in Loki's own format

    @property
    def inlet(self) -> str:
        """The table that takes its requests."""
        return f"otlp_{self}" if self in OTLP else str(self)


OTLP = (Signal.TRACES, Signal.LOGS, Signal.METRICS)


@dataclass(frozen=True, slots=True)
class Request:
    """One sender's request: an uncompressed protobuf body, of one tenant."""

    tenant: str
    body: bytes
    recent: bool = False  # its spans, or log records that are thinned, wait in the recent window for a verdict
    keep: bool = False  # spans only: that verdict is to keep them


@dataclass(frozen=True, slots=True)
class Batch:
    """The name of a block: `id` (64 bits, from the time, see `new`) and a deduplication token.

    A table that took a block with this token will not take one again: inserting is safe to repeat.
    """

    id: int
    token: str

    @classmethod
    def new(cls) -> Batch:
        """Milliseconds since 1970, then 22 bits of chance. Rows take their `received_at` from the id."""
        return cls((time.time_ns() // 1_000_000) << 22 | secrets.randbits(22), secrets.token_hex(16))

    def part(self, number: int) -> Batch:
        """The name of a part of this block, always the same one."""
        token = f"{self.token}{number:x}"
        return Batch(self.id >> 22 << 22 | zlib.crc32(token.encode()) & 0x3FFFFF, token)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request: how many of its items were refused, and why. All others are committed.

    `kinds`: how many of which kind, as the table `rejects` names them.
    """

    rejected: int = 0
    reason: str = ""
    kinds: Mapping[str, int] = field(default_factory=dict)


REJECTS = """
SELECT request_index, sum(items) AS rejected, any(reason) AS text,
    mapFromArrays(groupArray(signal), groupArray(items)) AS kinds
FROM rejects WHERE batch_id = {id:UInt64} GROUP BY request_index
"""


def read_outcomes(rejects: pa.Table, requests: int) -> list[Outcome]:
    """One outcome for each request of a batch, from the result of REJECTS."""
    outcomes = [Outcome()] * requests
    for row in rejects.to_pylist(maps_as_pydicts="lossy"):
        outcomes[row["request_index"]] = Outcome(row["rejected"], row["text"], row["kinds"])
    return outcomes


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Bounds that the engine enforces on one query; 0 means the store's default.

    `compressed`: an answer is compressed while the engine holds it. Without, it takes more of the engine's memory and
    is handed over in two thirds of the time, where the engine is in this process.
    """

    timeout_s: float = 0
    max_result_rows: int = 0
    max_memory_bytes: int = 0
    compressed: bool = True


@dataclass(frozen=True, slots=True)
class Layout:
    """How tables are laid out: `cluster` names the ClickHouse cluster ("" where there is one node)."""

    cluster: str = ""
    replicated: bool = False


class Store(Protocol):
    """A place for telemetry. Safe to call from many tasks of one event loop at once."""

    async def insert(self, signal: Signal, requests: Sequence[Request], batch: Batch | None = None) -> list[Outcome]:
        """Commit all requests as one block and return one outcome each, in order.

        The same requests with the same `batch` (default: a new one) are stored once, however often they are inserted.

        MUST be all or nothing when a body cannot be decoded: raises `BadData`, and nothing of the block is written.
        The store MAY try again by itself.
        Raises `BadData`, `DiskFull`, `StoreUnavailable`.
        """
        ...

    async def query(
        self, sql: str, params: Mapping[str, Any] | None = None, limits: QueryLimits | None = None
    ) -> pa.Table:
        """Run a SELECT and return its result. `{name:Type}` in the text binds `params[name]`.

        When the caller is cancelled, the engine MUST stop as well, and this MUST NOT return before it has.
        Raises `QueryError` for what the text got wrong, `LimitExceeded` for a bound, `StoreUnavailable`.
        """
        ...

    async def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> None:
        """Run a statement that returns no rows (DDL, INSERT SELECT)."""
        ...

    async def layout(self) -> Layout:
        """Where tables live; decides what the migrations create."""
        ...

    async def hosts(self) -> list[str]:
        """Every node that holds tables, by name; migrations run on each."""
        ...

    async def shards(self) -> list[list[str]]:
        """The nodes of each shard. Each of them holds all of its data: what one has done, none needs to do again."""
        ...

    async def execute_on(self, host: str, sql: str, params: Mapping[str, Any] | None = None) -> None:
        """Run a statement on one node."""
        ...

    async def query_on(self, host: str, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """Run a SELECT on one node, over its local tables."""
        ...

    async def free_disk_bytes(self) -> int:
        """Free bytes on the disk that takes new data (the smallest over the shards)."""
        ...

    async def close(self) -> None:
        """Wait for running work and release the engine."""
        ...


@runtime_checkable
class FileStore(Protocol):
    """A store that can take a block from a file on this machine."""

    async def insert_file(self, signal: Signal, path: Path, batch: Batch) -> None:
        """As `Store.insert`, for a file of framed requests (frame.py) of which no item will be refused."""
        ...
