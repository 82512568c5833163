"""Group commit: many small requests become one large insert.

There are two lanes. With a journal (the embedded engine), a request that is certain to be stored is answered once it
is in the journal, and is in the engine within `max_delay_s` and an insert: blocks are large however few the senders
are. Without a journal (a cluster, where these nodes keep nothing), and for a request that only the engine can judge,
the answer is the engine's. Requests of different lanes are never in one block.

When a block goes: at `max_bytes`; `max_delay_s` after its first request at the latest; when somebody waits for it, as
soon as nothing has arrived for `linger_s`. While it waits for a place in `slots` it keeps growing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from traceo.errors import Overloaded
from traceo.receivers.budget import IngestBudget
from traceo.receivers.commit import Block, Committer, Pending
from traceo.receivers.journal import Journal, Segment
from traceo.receivers.verify import is_certain
from traceo.store.base import Batch, Outcome, Request
from traceo.telemetry import IngestMetrics

LINGER_S = 0.02
REST_PER_INSERT = 2.0  # a small block that is waited for rests this many times the last insert's duration
FULL_BLOCKS = 1  # so many may wait before senders do
RETRY_S = 1.0
INLINE_BYTES = 256 << 10  # larger bodies are checked in a thread


class Batcher:
    """Collects one signal's requests and commits them in blocks. Belongs to one event loop.

    One insert of a signal runs at a time, and as many of all signals as there are `slots`. `can_write` raises DiskFull
    while there is no room. A request larger than `max_bytes` is a block of its own.
    """

    def __init__(
        self,
        committer: Committer,
        slots: asyncio.Semaphore,
        budget: IngestBudget,
        metrics: IngestMetrics,
        *,
        max_bytes: int,
        max_delay_s: float,
        linger_s: float = LINGER_S,
        can_write: Callable[[], None] = lambda: None,
        journal: Journal | None = None,
    ) -> None:
        self.signal = committer.signal
        self._committer = committer
        self._slots = slots
        self._budget = budget
        self._metrics = metrics
        self._max_bytes = max_bytes
        self._max_delay_s = max_delay_s
        self._linger_s = min(linger_s, max_delay_s)
        self._can_write = can_write
        self._journal = journal
        self._waiting: list[Block] = []
        self._growing: dict[bool, Block] = {}  # by "is journaled": the lanes' newest blocks, both in _waiting
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        self._rest_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._commits: set[asyncio.Task[None]] = set()  # those of blocks that are tried again, too
        self._next: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def submit(self, request: Request, *, judged: bool = False) -> Outcome:
        """Wait until the request is certain to be stored, or until it is known that it is not.

        `judged`: the engine may refuse some of it, so that it is asked before the answer.
        Raises Overloaded (buffer full, or shutting down), DiskFull, BadData (this request's own bytes),
        StoreUnavailable, StoreError. When the caller is cancelled, the request may be committed all the same.
        """
        self._check_open()
        size = len(request.body)
        self._budget.reserve(size)
        try:
            certain = self._journal is not None and not judged and await self._is_certain(request)
            while self._journal and self._waiting_bytes >= FULL_BLOCKS * self._max_bytes:
                self._room.clear()
                await self._room.wait()
            self._check_open()
            answer = None if certain else asyncio.get_running_loop().create_future()
            self._add(Pending(request, answer))
        except BaseException:
            self._budget.release(size)
            raise
        self._pump()
        return await answer if answer else Outcome()

    async def replay(self, segment: Segment) -> None:
        """Insert what a crash left in the journal. What cannot be stored now is tried again in the background."""
        size = segment.path.stat().st_size
        self._budget.used += size
        block = Block(segment.batch, segment, 0.0, 0.0, size=size)
        if await self._committer.try_block(block):
            self._budget.release(size)
        else:
            self._start(self._commit_again(block))

    async def drain(self) -> None:
        """Take no more, commit what is here, return when every request has its answer.

        A journaled block that cannot be stored now stays in the journal for the next start.
        """
        self._closing.set()
        self._room.set()
        self._pump()
        while self._commits:
            await asyncio.wait(self._commits)

    def _check_open(self) -> None:
        self._can_write()
        if self._closing.is_set():
            raise Overloaded("the server is shutting down: send it again", retry_after_s=1.0)

    async def _is_certain(self, request: Request) -> bool:
        if len(request.body) <= INLINE_BYTES:
            return is_certain(self.signal, request.body)
        return await asyncio.to_thread(is_certain, self.signal, request.body)

    def _add(self, pending: Pending) -> None:
        now, size = asyncio.get_running_loop().time(), len(pending.request.body)
        journaled = pending.answer is None
        block = self._growing.get(journaled)
        if block is None or block.size + size > self._max_bytes:
            block = self._make_block(journaled, now)
        is_new = not block.requests
        if block.segment:
            block.segment.append(pending.request)
        else:
            block.waiting.append(pending)
        if is_new:
            self._waiting.append(block)
            self._growing[journaled] = block
        block.size += size
        block.latest = now
        self._waiting_bytes += size

    def _make_block(self, journaled: bool, now: float) -> Block:
        segment = self._journal.start_segment(self.signal) if self._journal and journaled else None
        return Block(segment.batch if segment else Batch.new(), segment, now, now)

    def _pump(self) -> None:
        """Start what is due; otherwise make sure that somebody looks again when it will be."""
        if not self._waiting or self._next is not None:
            return
        loop = asyncio.get_running_loop()
        due = min(map(self._due, self._waiting))
        if due <= loop.time():
            self._next = self._start(self._commit_next())
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(due, self._on_timer)

    def _due(self, block: Block) -> float:
        """When a block is to be committed, in the loop's time."""
        grows = block is self._growing.get(block.segment is not None)
        if self._closing.is_set() or block.size >= self._max_bytes or not grows:
            return 0.0
        latest = block.started + self._max_delay_s
        if block.segment:
            return latest
        return min(latest, max(block.latest + self._linger_s, self._rest_until))

    def _on_timer(self) -> None:
        self._timer = None
        self._pump()

    def _take(self) -> Block:
        """The block that has been due for longest."""
        block = min(self._waiting, key=self._due)
        self._waiting.remove(block)
        if self._growing.get(block.segment is not None) is block:
            del self._growing[block.segment is not None]
        self._waiting_bytes -= block.size
        self._room.set()
        if block.segment:
            block.segment.close()
        self._metrics.batch_bytes.labels(self.signal).observe(block.size)
        self._metrics.batch_requests.labels(self.signal).observe(block.requests)
        return block

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        commit = asyncio.get_running_loop().create_task(work, name=f"commit {self.signal}")
        self._commits.add(commit)
        commit.add_done_callback(self._on_committed)
        return commit

    def _on_committed(self, commit: asyncio.Task[None]) -> None:
        self._commits.discard(commit)
        if commit is self._next:
            self._next = None
        self._pump()

    async def _commit_next(self) -> None:
        async with self._slots:
            started, block = asyncio.get_running_loop().time(), self._take()
            await self._try(block)
        ended = asyncio.get_running_loop().time()
        self._rest_until = ended + REST_PER_INSERT * (ended - started)
        self._metrics.commit_seconds.labels(self.signal).observe(ended - block.started)

    async def _commit_again(self, block: Block) -> None:
        """After a pause, in which others have their turn."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), RETRY_S)
        async with self._slots:
            await self._try(block)

    async def _try(self, block: Block) -> None:
        """One attempt. What is not stored when the server stops stays in the journal."""
        if await self._committer.try_block(block) or self._closing.is_set():
            self._budget.release(block.size)
        else:
            self._start(self._commit_again(block))
