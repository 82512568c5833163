"""The embedded store: the engine in this process (chDB), its data in one folder.

The engine allows one data path a process and one process a data path. A connection runs one statement at a time, so
that there are several; each call borrows one and runs in a thread, the GIL released meanwhile. Inserts have connections
of their own, so that no query keeps them waiting, and so has what stops a query whose caller has gone.
"""

import asyncio
import contextlib
import os
import queue
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import chdb
import numpy as np
import pyarrow as pa

from traceo.config import Store as StoreSettings
from traceo.errors import BadData, DiskFull, StoreUnavailable, TraceoError
from traceo.store.base import REJECTS, Batch, Layout, Outcome, QueryLimits, Request, Signal, read_outcomes
from traceo.store.engine_config import write_engine_config
from traceo.store.engine_errors import translate
from traceo.store.frame import frame_batch, insert_settings, insert_statement

Result = TypeVar("Result")
HOST = "embedded"
KILL = "KILL QUERY WHERE Settings['log_comment'] = {name:String} ASYNC"
KILL_AGAIN_S = 0.2  # a statement that has only just begun may not be known to the engine yet
INCOMING = "incoming"  # blocks on their way into the engine; what a crash left there is in the journal as well


class ConnectionPool:
    """Threads with as many connections: work is queued when all are busy."""

    def __init__(self, name: str, connections: Sequence[Any]) -> None:
        self._connections = connections
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for connection in connections:
            self._idle.put(connection)
        self._threads = ThreadPoolExecutor(len(connections), thread_name_prefix=name)
        self._closed = False

    async def run(self, work: Callable[[Any], Result]) -> Result:
        """Call `work(connection)` in a thread."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._with_connection, work)

    async def close(self) -> None:
        """Wait for running work, then close the connections."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        for connection in self._connections:
            connection.close()

    def _with_connection(self, work: Callable[[Any], Result]) -> Result:
        connection = self._idle.get()
        try:
            return work(connection)
        except BaseException:
            # What a failed statement had put out would lead the next result, perhaps another tenant's (chDB 26.9).
            with contextlib.suppress(chdb.ChdbError, RuntimeError):
                connection.query("SELECT 1", "Null")
            raise
        finally:
            self._idle.put(connection)


class EmbeddedStore:
    """A `Store` on chDB. Make it with `open_embedded`."""

    def __init__(
        self, folder: Path, inserts: ConnectionPool, queries: ConnectionPool, control: ConnectionPool, threads: int
    ) -> None:
        self._folder = folder
        self._incoming = folder / INCOMING
        self._threads = threads
        self._inserts = inserts
        self._queries = queries
        self._control = control

    async def insert(self, signal: Signal, requests: Sequence[Request], batch: Batch | None = None) -> list[Outcome]:
        name = batch or Batch.new()
        return await self._inserts.run(lambda connection: _insert(connection, self._incoming, signal, requests, name))

    async def insert_file(self, signal: Signal, path: Path, batch: Batch) -> None:
        await self._inserts.run(lambda connection: _insert_file(connection, signal, path.absolute(), batch))

    async def query(
        self, sql: str, params: Mapping[str, Any] | None = None, limits: QueryLimits | None = None
    ) -> pa.Table:
        name, gone = secrets.token_hex(8), threading.Event()
        text = f"{sql}\nSETTINGS {self._query_settings(limits or QueryLimits())}, log_comment = '{name}'"
        work = asyncio.ensure_future(
            self._queries.run(lambda connection: _select_unless(gone, connection, text, params))
        )
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            gone.set()
            await asyncio.shield(self._kill(name, work))
            raise

    async def _kill(self, name: str, work: "asyncio.Future[pa.Table]") -> None:
        """Make the engine stop a statement; returns when it has."""
        while not work.done():
            with contextlib.suppress(TraceoError):
                await self._control.run(lambda connection: _execute(connection, KILL, {"name": name}))
            await asyncio.wait([work], timeout=KILL_AGAIN_S)
        work.exception()

    async def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> None:
        await self._queries.run(lambda connection: _execute(connection, sql, params))

    async def layout(self) -> Layout:
        return Layout()

    async def hosts(self) -> list[str]:
        return [HOST]

    async def shards(self) -> list[list[str]]:
        return [[HOST]]

    async def execute_on(self, host: str, sql: str, params: Mapping[str, Any] | None = None) -> None:
        await self.execute(sql, params)

    async def query_on(self, host: str, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        return await self.query(sql, params)

    async def free_disk_bytes(self) -> int:
        stat = os.statvfs(self._folder)
        return stat.f_bavail * stat.f_frsize

    async def close(self) -> None:
        """Wait for running statements, then release the data path."""
        await self._inserts.close()
        await self._queries.close()
        await self._control.close()

    def _query_settings(self, limits: QueryLimits) -> str:
        """By itself the engine gives a query one thread for each free GiB, which is one at most here (chDB 26.9)."""
        threads = f"max_threads = {self._threads}, max_threads_min_free_memory_per_thread = 0"
        settings = [threads, "readonly = 2"]
        if limits.timeout_s:
            settings.append(f"max_execution_time = {limits.timeout_s}")
        if limits.max_result_rows:
            settings.append(f"max_result_rows = {limits.max_result_rows}, result_overflow_mode = 'throw'")
        if limits.max_memory_bytes:
            settings.append(f"max_memory_usage = {limits.max_memory_bytes}")
        if not limits.compressed:
            settings.append("output_format_arrow_compression_method = 'none'")
        return ", ".join(settings)


def open_embedded(folder: Path, settings: StoreSettings) -> EmbeddedStore:
    """Open (or create) the data path. Raises `StoreUnavailable` when another process holds it."""
    config = write_engine_config(folder, settings)
    incoming = folder / INCOMING
    incoming.mkdir(mode=0o700, exist_ok=True)
    try:
        inserts = [chdb.connect(f"{folder}?config-file={config}") for _ in Signal]
        queries = [chdb.connect(f"{folder}?config-file={config}") for _ in range(settings.connections)]
        control = [chdb.connect(f"{folder}?config-file={config}")]
    except (chdb.ChdbError, RuntimeError) as error:
        raise StoreUnavailable(
            f"{folder} could not be opened; is another Traceo running on it? Stop it, or choose another --data-dir"
        ) from error
    for left_behind in incoming.iterdir():
        left_behind.unlink()
    return EmbeddedStore(
        folder,
        ConnectionPool("insert", inserts),
        ConnectionPool("query", queries),
        ConnectionPool("control", control),
        settings.threads,
    )


def _insert(connection: Any, folder: Path, signal: Signal, requests: Sequence[Request], batch: Batch) -> list[Outcome]:
    with _file_of(folder / f"{batch.token}.insert", frame_batch(requests, batch)) as path:
        _insert_file(connection, signal, path, batch)
    return read_outcomes(_select(connection, REJECTS, {"id": batch.id}), len(requests))


def _insert_file(connection: Any, signal: Signal, path: Path, batch: Batch) -> None:
    """From a file: chDB's `send_insert` says nothing of what fails in a view, and the block is lost (chDB 26.9)."""
    settings = ", ".join(f"{name} = {_literal(value)}" for name, value in insert_settings(signal, batch).items())
    source = f"FROM INFILE {_literal(str(path))} SETTINGS {settings} FORMAT Protobuf"
    with _engine_errors(inserting=True, after_failure=lambda: _forget_seen(connection)):
        connection.query(f"{insert_statement(signal)} {source}", "Null")


@contextlib.contextmanager
def _file_of(path: Path, pieces: Iterable[bytes]) -> Iterator[Path]:
    """A file for as long as the block lasts. Raises `DiskFull`."""
    try:
        with path.open("wb") as file:
            file.writelines(pieces)
        yield path
    except OSError as error:
        raise DiskFull(f"the block could not be written to disk: {error.strerror}; nothing was stored") from error
    finally:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _engine_errors(*, inserting: bool = False, after_failure: Callable[[], None] | None = None) -> Iterator[None]:
    try:
        yield
    except (chdb.ChdbError, RuntimeError, OSError, pa.ArrowInvalid) as error:
        translated = translate(str(error), inserting=inserting)
        if after_failure and not isinstance(translated, BadData):  # unreadable bytes reach no table
            after_failure()
        raise translated from error


def _select(connection: Any, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
    """Columns that were not compressed stay in the engine's memory, which is held for as long as they are.

    chDB's own "ArrowTable" does not hold it: the columns would lie in memory that was freed (chDB 26.9).
    """
    with _engine_errors():
        result = connection.query(sql, "Arrow", params=dict(params or {}))
        if not len(result):
            return pa.table({})
        view = result.get_memview().view()
        address = np.frombuffer(view, dtype=np.uint8).ctypes.data
        return pa.ipc.open_file(pa.foreign_buffer(address, len(view), base=result)).read_all()


def _select_unless(gone: threading.Event, connection: Any, sql: str, params: Mapping[str, Any] | None) -> pa.Table:
    """Nothing is begun for a caller who left while the statement waited for a connection."""
    return pa.table({}) if gone.is_set() else _select(connection, sql, params)


def _execute(connection: Any, sql: str, params: Mapping[str, Any] | None = None) -> None:
    with _engine_errors():
        connection.query(sql, "Null", params=dict(params or {}))


def _forget_seen(connection: Any) -> None:
    """After a failed insert nobody knows which series were written: let them be written again."""
    connection.query("TRUNCATE TABLE seen", "Null")


def _literal(value: str) -> str:
    if value.isdecimal():
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
