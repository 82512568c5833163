"""Runs statements on the store, within the limits of `config.query`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pyarrow as pa
from opentelemetry import trace

from traceo.config import Query as QuerySettings
from traceo.errors import LimitExceeded
from traceo.query.sql import Scope
from traceo.store.base import QueryLimits, Store

MAX_WAIT_S = 5.0
KNOWN_STATEMENTS = 200
tracer = trace.get_tracer(__name__)

Row = dict[str, Any]
Answer = TypeVar("Answer")


class Queries:
    """The door to the store for every read: at most `query.max_concurrent` at once, each within its limits.

    A caller that is cancelled does not free its place before the engine has stopped working for it.
    """

    def __init__(self, store: Store, settings: QuerySettings) -> None:
        self._store = store
        self._slots = asyncio.Semaphore(settings.max_concurrent)
        self._max_wait_s = min(settings.timeout, MAX_WAIT_S)
        self._recent = False
        self._types: dict[str, list[str]] = {}
        self.known_rows: dict[tuple[str, str, str, int], Row] = {}  # of `traces.read_by_id`
        self.limits = QueryLimits(settings.timeout, settings.max_result_rows, settings.max_memory)

    async def table(self, sql: str, params: dict[str, Any], *, limits: QueryLimits | None = None) -> pa.Table:
        """The result as the engine gives it. Raises LimitExceeded with `retry_after_s` when no place becomes free.

        `limits` stand in for those of `config.query`.
        """
        try:
            await asyncio.wait_for(self._slots.acquire(), self._max_wait_s)
        except TimeoutError as error:
            raise LimitExceeded("too many queries run at once: try again", retry_after_s=1) from error
        with tracer.start_as_current_span("query", attributes={"db.query.text": sql}):
            work = asyncio.ensure_future(self._store.query(sql, params, limits or self.limits))
            work.add_done_callback(self._release)
            return await asyncio.shield(work)

    async def rows(self, scope: Scope, sql: str) -> list[Row]:
        """The result as rows; texts are bytes, because no sender is bound to send UTF-8."""
        table = await self.table(sql, dict(scope.params))
        rows: list[Row] = as_bytes(table).to_pylist(maps_as_pydicts="lossy")
        return rows

    async def types(self, sql: str, params: dict[str, Any]) -> list[str]:
        """The engine's types of a statement's columns. They follow from its text and values alone: kept in memory."""
        key = f"{sql} {sorted(params.items())}"
        if key not in self._types:
            described = await self.table(f"DESCRIBE TABLE ({sql})", params)
            if len(self._types) >= KNOWN_STATEMENTS:
                self._types.clear()
            self._types[key] = described["type"].to_pylist()
        return self._types[key]

    async def over_spans(self, read: Callable[[bool], Awaitable[Answer]]) -> Answer:
        """What `read(recent)` answers; `recent` says whether to look at the recent window (see `Scope`).

        Reading an empty window costs as much as a full one. So it is left out if it was empty when last looked at;
        whether it still is, is looked up meanwhile, and if it is not, all is read again.
        """
        assumed = self._recent
        answer, self._recent = await asyncio.gather(read(assumed), self._has_recent())
        return await read(True) if self._recent and not assumed else answer

    async def _has_recent(self) -> bool:
        """Whether the recent window holds any spans, of anybody."""
        counted = await self.table("SELECT count() AS spans FROM spans_recent", {})
        return bool(counted["spans"][0].as_py())

    def _release(self, work: "asyncio.Future[pa.Table]") -> None:
        self._slots.release()
        if not work.cancelled():
            work.exception()  # seen, even if the caller has gone


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
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_bytes_type(kind.value_type)))
    return kind
