"""Group commit: many small requests become one large insert.

With a journal (the embedded engine), a request that is certain to be stored is answered once it is in the journal,
and is in the engine within `max_delay_s` and an insert: blocks are large however few the senders are. Without one (a
cluster, where these nodes keep nothing), and for a request that only the engine can judge, the answer comes after the
engine's.

When a batch goes: at `max_bytes`; `max_delay_s` after its first request at the latest; while somebody waits for the
engine's answer, when nothing has arrived for `linger_s`. While `parallel` inserts run it keeps growing instead.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from opentelemetry import trace

from traceo.errors import BadData, Overloaded, StoreError, TraceoError
from traceo.receivers.budget import IngestBudget
from traceo.receivers.journal import Journal, Segment
from traceo.receivers.verify import is_certain
from traceo.store.base import Batch, Outcome, Request, Signal, Store
from traceo.telemetry import IngestMetrics

logger = logging.getLogger(__name__)
tracer = trace.get_tracer(__name__)

LINGER_S = 0.02
REST_PER_INSERT = 2.0  # a small batch that is waited for rests this many times the last insert's duration
FULL_BLOCKS = 1  # so many may wait before senders do
RETRY_S = 1.0
INLINE_BYTES = 256 << 10  # larger bodies are checked in a thread


@dataclass(frozen=True, slots=True)
class _Pending:
    request: Request
    answer: asyncio.Future[Outcome] | None  # None: answered already


@dataclass(slots=True)
class _Block:
    """Requests that will be one insert."""

    name: Batch
    segment: Segment | None
    started: float
    latest: float
    requests: list[_Pending] = field(default_factory=list)
    size: int = 0
    waited_for: bool = False


class Batcher:
    """Collects one signal's requests and commits them in blocks. Belongs to one event loop.

    `parallel`: inserts that may run at once. `can_write` raises DiskFull while there is no room. A request larger than
    `max_bytes` is a block of its own.
    """

    def __init__(
        self,
        signal: Signal,
        store: Store,
        budget: IngestBudget,
        metrics: IngestMetrics,
        *,
        max_bytes: int,
        max_delay_s: float,
        linger_s: float = LINGER_S,
        parallel: int = 1,
        can_write: Callable[[], None] = lambda: None,
        journal: Journal | None = None,
    ) -> None:
        self.signal = signal
        self._store = store
        self._budget = budget
        self._metrics = metrics
        self._max_bytes = max_bytes
        self._max_delay_s = max_delay_s
        self._linger_s = min(linger_s, max_delay_s)
        self._parallel = parallel
        self._can_write = can_write
        self._journal = journal
        self._waiting: deque[_Block] = deque()
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        self._rest_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._commits: set[asyncio.Task[None]] = set()
        self._draining = False

    async def submit(self, request: Request) -> Outcome:
        """Wait until the request is certain to be stored, or until it is known that it is not.

        Raises Overloaded (buffer full, or shutting down), DiskFull, BadData (this request's own bytes),
        StoreUnavailable, StoreError. When the caller is cancelled, the request may be committed all the same.
        """
        self._check_open()
        size = len(request.body)
        self._budget.reserve(size)
        try:
            certain = self._journal is not None and await self._is_certain(request)
            while self._journal and self._waiting_bytes >= FULL_BLOCKS * self._max_bytes:
                self._room.clear()
                await self._room.wait()
            self._check_open()
            answer = None if certain else asyncio.get_running_loop().create_future()
            self._add(_Pending(request, answer))
        except BaseException:
            self._budget.release(size)
            raise
        self._pump()
        return await answer if answer else Outcome()

    async def replay(self, segment: Segment) -> None:
        """Insert what a crash left in the journal, before anything new is taken."""
        requests = [_Pending(request, None) for request in segment.read()]
        size = sum(len(pending.request.body) for pending in requests)
        self._budget.used += size
        await self._commit(_Block(segment.batch, segment, 0.0, 0.0, requests, size))

    async def drain(self) -> None:
        """Take no more, commit what is here, return when every request has its answer."""
        self._draining = True
        self._room.set()
        self._pump()
        while self._commits:
            await asyncio.wait(self._commits)

    def _check_open(self) -> None:
        self._can_write()
        if self._draining:
            raise Overloaded("the server is shutting down: send it again", retry_after_s=1.0)

    async def _is_certain(self, request: Request) -> bool:
        if len(request.body) <= INLINE_BYTES:
            return is_certain(self.signal, request.body)
        return await asyncio.to_thread(is_certain, self.signal, request.body)

    def _add(self, pending: _Pending) -> None:
        now, size = asyncio.get_running_loop().time(), len(pending.request.body)
        fits = self._waiting and self._waiting[-1].size + size <= self._max_bytes
        block = self._waiting[-1] if fits else self._start_block(now)
        if block.segment:
            block.segment.append(pending.request)
        if not fits:
            self._waiting.append(block)
        block.requests.append(pending)
        block.size += size
        block.latest = now
        block.waited_for = block.waited_for or pending.answer is not None
        self._waiting_bytes += size

    def _start_block(self, now: float) -> _Block:
        segment = self._journal.start_segment(self.signal) if self._journal else None
        return _Block(segment.batch if segment else Batch.new(), segment, now, now)

    def _pump(self) -> None:
        """Start what is due; otherwise make sure that somebody looks again when it will be."""
        loop = asyncio.get_running_loop()
        while self._waiting and len(self._commits) < self._parallel:
            due = self._due()
            if due > loop.time():
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = loop.call_at(due, self._on_timer)
                return
            commit = loop.create_task(self._commit(self._take()), name=f"commit {self.signal}")
            self._commits.add(commit)
            commit.add_done_callback(self._on_committed)

    def _due(self) -> float:
        """When the oldest block is to be committed, in the loop's time."""
        block = self._waiting[0]
        if self._draining or len(self._waiting) > 1 or block.size >= self._max_bytes:
            return 0.0
        latest = block.started + self._max_delay_s
        return min(latest, max(block.latest + self._linger_s, self._rest_until)) if block.waited_for else latest

    def _on_timer(self) -> None:
        self._timer = None
        self._pump()

    def _on_committed(self, commit: asyncio.Task[None]) -> None:
        self._commits.discard(commit)
        self._pump()

    def _take(self) -> _Block:
        """The oldest block."""
        block = self._waiting.popleft()
        self._waiting_bytes -= block.size
        self._room.set()
        if block.segment:
            block.segment.close()
        self._metrics.batch_bytes.labels(self.signal).observe(block.size)
        self._metrics.batch_requests.labels(self.signal).observe(len(block.requests))
        return block

    async def _commit(self, block: _Block) -> None:
        """Insert a block, by tenant, which leads the tables' sort keys; a journaled one until it is stored."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        in_flight = self._metrics.inserts_in_flight.labels(self.signal)
        in_flight.inc()
        requests = sorted(block.requests, key=lambda pending: pending.request.tenant)
        try:
            while (lost := await self._try_insert(requests, block)) is None:  # noqa: ASYNC110 (time is what is awaited)
                await asyncio.sleep(RETRY_S)
            if block.segment:
                self._end_segment(block.segment, lost)
        except TraceoError as error:
            logger.error("not stored: kept in the journal until the next start, or refused: %s", error)
        finally:
            in_flight.dec()
            self._budget.release(block.size)
            ended = loop.time()
            self._rest_until = ended + REST_PER_INSERT * (ended - started)
            if block.started:
                self._metrics.commit_seconds.labels(self.signal).observe(ended - block.started)

    async def _try_insert(self, requests: list[_Pending], block: _Block) -> int | None:
        """How many acknowledged requests the engine refused (0, one hopes); None: the block has to be tried again.

        Without a journal, and when the server stops, there is no other time: raises TraceoError.
        """
        try:
            return await self._insert(requests, block.name)
        except TraceoError as error:
            _fail(requests, error)
            if not block.segment or self._draining:
                raise
            logger.warning("the block stays in the journal and is tried again: %s", error)
            return None
        except asyncio.CancelledError:
            _fail(requests, Overloaded("the server is shutting down: send it again"))
            raise

    async def _insert(self, requests: list[_Pending], name: Batch) -> int:
        """Insert, and answer everybody. After BadData: by halves, down to the requests whose bytes are bad."""
        try:
            outcomes = await self._call_store(requests, name)
        except BadData as error:
            if len(requests) == 1:
                _fail(requests, error)
                return 1 if requests[0].answer is None else 0
            middle = len(requests) // 2
            first = await self._insert(requests[:middle], name.part(0))
            return first + await self._insert(requests[middle:], name.part(1))
        for pending, outcome in zip(requests, outcomes, strict=True):
            if pending.answer and not pending.answer.done():
                pending.answer.set_result(outcome)
        return 0

    async def _call_store(self, requests: list[_Pending], name: Batch) -> list[Outcome]:
        """Raises BadData or another TraceoError, whatever happens."""
        attributes: dict[str, str | int] = {"traceo.signal": self.signal, "traceo.requests": len(requests)}
        seconds = self._metrics.insert_seconds.labels(self.signal)
        try:
            with tracer.start_as_current_span("commit", attributes=attributes), seconds.time():
                return await self._store.insert(self.signal, [pending.request for pending in requests], name)
        except TraceoError:
            raise
        except Exception as error:
            logger.exception("insert failed", extra={"fields": {"signal": self.signal, "requests": len(requests)}})
            raise StoreError("the storage engine failed unexpectedly; the server's log says more") from error

    def _end_segment(self, segment: Segment, lost: int) -> None:
        if not lost:
            segment.remove()
            return
        kept = segment.set_aside()
        logger.error("the engine refused %d requests that looked well; they are kept in %s", lost, kept)


def _fail(requests: list[_Pending], error: TraceoError) -> None:
    for pending in requests:
        if pending.answer and not pending.answer.done():
            pending.answer.set_exception(error)
