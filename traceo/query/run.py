"""Runs statements on the store, within the limits of `config.query`."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import pyarrow as pa
from opentelemetry import trace

from traceo.config import Query as QuerySettings
from traceo.errors import LimitExceeded
from traceo.query.recent import KeptAnswers, RecentTables
from traceo.query.sql import Scope
from traceo.store.base import QueryLimits, Store

MAX_WAIT_S = 5.0
KNOWN_STATEMENTS = 200
# Of what numpy makes the same objects as Arrow.
NUMPY_HAS = (
    pa.types.is_string,
    pa.types.is_binary,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_fixed_size_binary,
)
tracer = trace.get_tracer(__name__)

Row = dict[str, Any]
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Reading:
    """An answer that is awaited, and by how many."""

    work: asyncio.Task[Any]
    waiting: int = 0


class Queries:
    """The door to the store for every read: at most `query.max_concurrent` at once, of one tenant at most
    `query.max_concurrent_per_tenant`, each within its limits.

    When a caller is cancelled, the engine stops; only then is its place free.
    """

    def __init__(self, store: Store, settings: QuerySettings) -> None:
        self._store = store
        self._slots = asyncio.Semaphore(settings.max_concurrent)
        self._per_tenant = min(settings.max_concurrent_per_tenant, settings.max_concurrent)
        self._tenant_slots: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._max_wait_s = min(settings.timeout, MAX_WAIT_S)
        self._resting: frozenset[str] = frozenset()
        self._types: dict[str, list[str]] = {}
        self._being_read: dict[Hashable, _Reading] = {}
        self.known_rows: dict[Hashable, Row] = {}  # of `traces.read_by_id`
        self.recent_series = RecentTables()  # of `promql.fetch`
        self.kept_answers = KeptAnswers(settings.kept_answers)  # of `promql.past_steps`
        self.recent_streams = RecentTables(max_age_s=10)  # of `log_streams`
        self.limits = QueryLimits(settings.timeout, settings.max_result_rows, settings.max_memory)

    async def table(self, sql: str, params: dict[str, Any], *, limits: QueryLimits | None = None) -> pa.Table:
        """The result as the engine gives it. Raises LimitExceeded with `retry_after_s` when no place becomes free.

        `limits` stand in for those of `config.query`.
        """
        release = await self._acquire(str(params.get("tenant", "")))
        with tracer.start_as_current_span("query", attributes={"db.query.text": sql}):
            work = asyncio.ensure_future(self._store.query(sql, params, limits or self.limits))
            work.add_done_callback(release)
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                work.cancel()
                raise

    async def _acquire(self, tenant: str) -> "Callable[[asyncio.Future[pa.Table]], None]":
        """A place, and what frees it when the work is done."""
        own = self._tenant_slots.setdefault(tenant, asyncio.Semaphore(self._per_tenant))
        taken: list[asyncio.Semaphore] = []
        try:
            async with asyncio.timeout(self._max_wait_s):
                for slots in (own, self._slots):
                    await slots.acquire()
                    taken.append(slots)
        except BaseException as error:
            for slots in taken:
                slots.release()
            if isinstance(error, TimeoutError):
                raise LimitExceeded("too many queries run at once: try again", retry_after_s=1) from error
            raise

        def release(work: "asyncio.Future[pa.Table]") -> None:
            for slots in taken:
                slots.release()
            if not work.cancelled():
                work.exception()  # seen, even if the caller has gone

        return release

    async def rows(self, scope: Scope, sql: str) -> list[Row]:
        """The result as rows; texts are bytes, because no sender is bound to send UTF-8."""
        return to_rows(await self.table(sql, dict(scope.params)))

    async def types(self, sql: str, params: dict[str, Any]) -> list[str]:
        """The engine's types of a statement's columns. They follow from its text and values alone: kept in memory."""
        key = f"{sql} {sorted(params.items())}"
        if key not in self._types:
            described = await self.table(f"DESCRIBE TABLE ({sql})", params)
            if len(self._types) >= KNOWN_STATEMENTS:
                self._types.clear()
            self._types[key] = described["type"].to_pylist()
        return self._types[key]

    async def once(self, asked: Hashable, read: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """What `read` answers; whoever asks the same meanwhile waits for the same answer, and nothing is kept.

        It is stopped when all of them have gone.
        """
        if asked not in self._being_read:
            self._being_read[asked] = _Reading(asyncio.create_task(read()))
        reading = self._being_read[asked]
        reading.waiting += 1
        try:
            return await asyncio.shield(reading.work)
        finally:
            reading.waiting -= 1
            if not reading.waiting:
                del self._being_read[asked]
                reading.work.cancel()

    async def over_recent(
        self, windows: Collection[str], read: Callable[[frozenset[str]], Awaitable[Answer]]
    ) -> Answer:
        """What `read(recent)` answers; `recent` says which of the window's tables to look at (see `Scope`).

        Reading an empty table costs as much as a full one. So it is left out if it was empty when last looked at;
        whether it still is, is looked up meanwhile, and if it is not, all is read again.
        """
        assumed = self._resting.intersection(windows)
        answer, found = await asyncio.gather(read(assumed), self._with_rows(windows))
        self._resting = self._resting.difference(windows) | found
        return answer if found <= assumed else await read(found)

    async def _with_rows(self, windows: Collection[str]) -> frozenset[str]:
        """Those where anybody has rows."""
        counted = await asyncio.gather(*(self.table(f"SELECT count() AS n FROM {window}", {}) for window in windows))
        return frozenset(window for window, table in zip(windows, counted, strict=True) if table["n"][0].as_py())


def to_rows(table: pa.Table) -> list[Row]:
    """The rows of a table with bytes for texts."""
    return rows_of(to_columns(table))


def to_columns(table: pa.Table) -> dict[str, list[Any]]:
    """The columns of a table with bytes for texts."""
    return {
        name: list(chain.from_iterable(map(_to_objects, column.chunks)))
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def rows_of(columns: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Rows of columns, which MUST be of one length."""
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _to_objects(values: pa.Array) -> list[Any]:
    """As Arrow's own `to_pylist`, which first makes an object of Arrow's of each value: many times as slow."""
    kind, nothing_missing = values.type, not values.null_count
    if nothing_missing and pa.types.is_map(kind):
        keys, items = _to_objects(values.keys), _to_objects(values.items)
        return [dict(zip(keys[a:b], items[a:b], strict=True)) for a, b in pairwise(values.offsets.to_pylist())]
    if nothing_missing and pa.types.is_list(kind):
        flat = _to_objects(values.values)
        return [flat[a:b] for a, b in pairwise(values.offsets.to_pylist())]
    if nothing_missing and any(is_one(kind) for is_one in NUMPY_HAS):
        found = values.view(pa.binary()) if pa.types.is_string(kind) else values
        return found.to_numpy(zero_copy_only=False).tolist()  # type: ignore[no-any-return]
    return values.cast(_bytes_type(kind)).to_pylist(maps_as_pydicts="lossy")  # type: ignore[no-any-return]


def as_bytes(table: pa.Table) -> pa.Table:
    """The table with bytes instead of texts, and numbers instead of times, at any depth."""
    return table.cast(pa.schema([field.with_type(_bytes_type(field.type)) for field in table.schema]))


def _bytes_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return pa.binary()
    if pa.types.is_timestamp(kind):  # Python's datetimes have no nanoseconds
        return pa.int64()
    if pa.types.is_map(kind):
        return pa.map_(_bytes_type(kind.key_type), _bytes_type(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_bytes_type(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_bytes_type(kind.value_type)))
    return kind
