"""How a block reaches the store: insert, find out who sent what the engine refuses, answer whoever waits, try again.

A block whose requests were answered from the journal is tried until it is stored; one whose senders wait is tried once,
because they will send it again. Two senders' requests share a block, never their fate: a block that is refused for its
bytes is divided until only the culprits are left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from opentelemetry import trace

from traceo.errors import BadData, DiskFull, Overloaded, StoreError, StoreUnavailable, TraceoError
from traceo.receivers.journal import Segment
from traceo.receivers.verify import rewrite
from traceo.store.base import Batch, FileStore, Outcome, Request, Signal, Store
from traceo.telemetry import IngestMetrics

logger = logging.getLogger(__name__)
tracer = trace.get_tracer(__name__)
Result = TypeVar("Result")

# So often an error that nobody knows is taken for the engine's before it is taken for the data's.
PATIENCE = 10
LOG_EVERY = 30
MEMORY_LIMIT = 241  # ClickHouse's error number


@dataclass(frozen=True, slots=True)
class Pending:
    """A request, and the answer that its sender waits for (None: it was answered from the journal)."""

    request: Request
    answer: asyncio.Future[Outcome] | None


@dataclass(slots=True, eq=False)
class Block:
    """Requests that will be one insert. `segment`: where they are journaled, if they are; then nobody waits for them.

    `waiting`: the requests, where somebody does. `started`, `latest`: when the first and the last request came, in the
    loop's time. `size`: of all their bodies, in bytes.
    """

    name: Batch
    segment: Segment | None
    started: float
    latest: float
    waiting: list[Pending] = field(default_factory=list)
    size: int = 0
    attempts: int = 0

    @property
    def requests(self) -> int:
        """Their number."""
        return self.segment.requests if self.segment else len(self.waiting)


class Committer:
    """Inserts the blocks of one signal. `on_lost`: told when requests that were answered could not be stored."""

    def __init__(
        self, signal: Signal, store: Store, metrics: IngestMetrics, on_lost: Callable[[], None] = lambda: None
    ) -> None:
        self.signal = signal
        self._on_lost = on_lost
        self._store = store
        self._metrics = metrics

    async def try_block(self, block: Block) -> bool:
        """One attempt; False: it has to be made again. Never raises TraceoError: whoever waits gets it."""
        with self._metrics.inserts_in_flight.labels(self.signal).track_inprogress():
            try:
                if block.segment is None:
                    await self._insert_once(block)
                    return True
                return await self._insert_journaled(block, block.segment)
            except asyncio.CancelledError:
                _fail(block.waiting, Overloaded("the server is shutting down: send it again"))
                raise

    async def _insert_once(self, block: Block) -> None:
        try:
            await self._insert(_by_tenant(block.waiting), block.name, _is_bad)
        except TraceoError as error:
            logger.warning("a block was not stored, its senders are told: %s", error)
            _fail(block.waiting, error)

    async def _insert_journaled(self, block: Block, segment: Segment) -> bool:
        """Nobody may be told any more, so that only what the engine can never take is given up, and that is kept."""
        impatient = block.attempts >= PATIENCE
        try:
            if not await self._insert_whole(segment, block.name):
                requests = _by_tenant([Pending(request, None) for request in await asyncio.to_thread(segment.read)])
                refused = await self._insert(requests, block.name, _is_unknown if impatient else _is_bad)
                if refused:
                    self._on_lost()
                    kept = segment.set_aside(refused)
                    logger.error("the engine refused %d requests that looked well: see %s", len(refused), kept)
        except TraceoError as error:
            if block.attempts % LOG_EVERY == 0:
                logger.warning("the block stays in the journal and is tried again: %s", error)
            block.attempts += 1
            return False
        segment.remove()
        return True

    async def _insert_whole(self, segment: Segment, name: Batch) -> bool:
        """From its file, as it is. False: it has to be read, to be sorted or because there may be a culprit in it."""
        store = self._store
        if not isinstance(store, FileStore) or len(segment.tenants) != 1:
            return False
        try:
            await self._watched(segment.requests, lambda: store.insert_file(self.signal, segment.path, name))
        except StoreError as error:
            if isinstance(error, StoreUnavailable | DiskFull) and not _lacks_memory(error):
                raise
            return False
        return True

    async def _insert(
        self, requests: Sequence[Pending], name: Batch, is_refusal: Callable[[TraceoError], bool]
    ) -> list[Request]:
        """Insert, and answer whoever waits. After a refusal: by halves, down to the culprits.

        Returns the refused requests that nobody waits for. Raises TraceoError where it is not the requests' fault.
        """
        try:
            outcomes = await self._call_store(requests, name)
        except TraceoError as error:
            if len(requests) == 1 and (is_refusal(error) or requests[0].answer):
                return await self._refuse(requests[0], name, error)
            if len(requests) == 1 or not (is_refusal(error) or _lacks_memory(error)):
                raise
            middle = len(requests) // 2
            first = await self._insert(requests[:middle], name.part(0), is_refusal)
            return first + await self._insert(requests[middle:], name.part(1), is_refusal)
        for pending, outcome in zip(requests, outcomes, strict=True):
            if pending.answer and not pending.answer.done():
                pending.answer.set_result(outcome)
        return []

    async def _refuse(self, pending: Pending, name: Batch, error: TraceoError) -> list[Request]:
        """Tell the sender. If it was told that all is well: store what protobuf's own parser understands."""
        if pending.answer:
            _fail([pending], error)
            return []
        rewritten = replace(pending.request, body=rewrite(self.signal, pending.request.body))
        if rewritten != pending.request:
            with contextlib.suppress(BadData):
                await self._call_store([Pending(rewritten, None)], name.part(2))
                return []
        return [pending.request]

    async def _call_store(self, requests: Sequence[Pending], name: Batch) -> list[Outcome]:
        """Raises BadData or another TraceoError, whatever happens."""
        found = [pending.request for pending in requests]
        return await self._watched(len(found), lambda: self._store.insert(self.signal, found, name))

    async def _watched(self, requests: int, insert: Callable[[], Awaitable[Result]]) -> Result:
        attributes: dict[str, str | int] = {"traceo.signal": self.signal, "traceo.requests": requests}
        seconds = self._metrics.insert_seconds.labels(self.signal)
        try:
            with tracer.start_as_current_span("commit", attributes=attributes), seconds.time():
                return await insert()
        except TraceoError:
            raise
        except Exception as error:
            logger.exception("insert failed", extra={"fields": {"signal": self.signal, "requests": requests}})
            raise StoreError("the storage engine failed unexpectedly; the server's log says more") from error


def _by_tenant(requests: Sequence[Pending]) -> list[Pending]:
    """Tenant leads the tables' sort keys: a block that arrives in its order is not sorted again."""
    return sorted(requests, key=lambda pending: pending.request.tenant)


def _is_bad(error: TraceoError) -> bool:
    return isinstance(error, BadData)


def _is_unknown(error: TraceoError) -> bool:
    """The data's fault, or an error of no known cause."""
    return isinstance(error, BadData) or type(error) is StoreError


def _lacks_memory(error: TraceoError) -> bool:
    """A corrupt length makes the engine ask for gigabytes: it must not cost the whole block its place."""
    return isinstance(error, StoreError) and error.code == MEMORY_LIMIT


def _fail(requests: Sequence[Pending], error: TraceoError) -> None:
    for pending in requests:
        if pending.answer and not pending.answer.done():
            pending.answer.set_exception(error)
