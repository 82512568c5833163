"""A job: its discovery, and a loop for each of its targets. Changes come from discovery and from the configuration."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from traceo.scraping.config import ScrapeConfig
from traceo.scraping.discovery.groups import Group, Labels, Provider
from traceo.scraping.http_client import make_client
from traceo.scraping.loop import ScrapeLoop, Write
from traceo.scraping.target import Target, make_targets

logger = logging.getLogger(__name__)
PAUSE_S = 1.0  # between two changes of targets
RESTART_S = 10.0


@dataclass(slots=True)
class Running:
    """A loop and the task that it runs in."""

    loop: ScrapeLoop
    task: asyncio.Task[None]


class ScrapePool:
    """One job. `start` and `stop` it on the event loop; `change` gives it another configuration while it runs."""

    def __init__(self, config: ScrapeConfig, write: Write) -> None:
        self.config = config
        self.dropped: list[Labels] = []
        self.dropped_count = 0
        self._write = write
        self._running: dict[int, Running] = {}
        self._groups: dict[int, Sequence[Group]] = {}
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._ends: dict[int, asyncio.Task[None]] = {}
        self._clients: list[httpx.AsyncClient] = []
        self._problems: list[str] = []

    @property
    def loops(self) -> list[ScrapeLoop]:
        """Of the active targets."""
        return [running.loop for running in self._running.values()]

    def start(self) -> None:
        """Begin discovery. Raises OSError when certificates cannot be read."""
        self._clients.append(make_client(self.config.http, timeout_s=None))
        self._groups.clear()
        work = [self._discover(provider, index) for index, provider in enumerate(self.config.providers)]
        self._tasks = [asyncio.create_task(one) for one in (*work, self._follow())]

    async def change(self, config: ScrapeConfig) -> None:
        """Go on with another configuration: targets that stay keep their series; the others end once all is found."""
        await _cancel(self._tasks)
        self.config = config
        self.start()

    async def stop(self, *, targets_are_gone: bool) -> None:
        """End all loops. `targets_are_gone`: wait, and let their series become stale; else somebody goes on.

        What was cancelled meanwhile may be ended by another call.
        """
        await _cancel(self._tasks)
        for key in list(self._running):
            self._end(key)
        if targets_are_gone:
            await asyncio.gather(*self._ends.values(), return_exceptions=True)
        await _cancel(list(self._ends.values()))
        await self._close(self._clients)

    async def _discover(self, provider: Provider, index: int) -> None:
        def put(groups: Sequence[Group]) -> None:
            self._groups[index] = groups
            self._changed.set()

        while True:
            try:
                await provider.run(put)
            except Exception:
                logger.exception("job %s: a discovery ended, it begins again", self.config.job_name)
            await asyncio.sleep(RESTART_S)

    async def _follow(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._sync()
            except Exception:
                logger.exception("job %s: its targets were not changed", self.config.job_name)
            await asyncio.sleep(PAUSE_S)

    async def _sync(self) -> None:
        """Loops for the targets there are; none ends before all kinds of discovery have answered."""
        found = make_targets(self.config, [group for groups in self._groups.values() for group in groups])
        keep = self.config.keep_dropped_targets or len(found.dropped)
        self.dropped, self.dropped_count = found.dropped[:keep], len(found.dropped)
        if found.problems != self._problems:
            for problem in found.problems:
                logger.warning("job %s: a target is left out: %s", self.config.job_name, problem)
        self._problems = found.problems
        for key, target in found.targets.items():
            await self._ensure(key, target)
        if len(self._groups) == len(self.config.providers):
            for key in self._running.keys() - found.targets.keys():
                self._end(key)
            await self._close(self._clients[:-1])
        problem = self._limit_problem()
        for loop in self.loops:
            loop.problem = problem

    async def _ensure(self, key: int, target: Target) -> None:
        """A loop with the configuration in force; one with an older one hands over."""
        before = self._running.get(key)
        if before and before.loop.config is self.config and before.loop.target == target:
            before.loop.target = target
            return
        if before:
            await _cancel([before.task])
        if key in self._ends:
            await _cancel([self._ends.pop(key)])
        loop = ScrapeLoop(self.config, target, self._clients[-1], self._write, before=before.loop if before else None)
        self._running[key] = Running(loop, asyncio.create_task(loop.run()))

    def _end(self, key: int) -> None:
        running = self._running.pop(key)
        running.task.cancel()
        ends = self._ends[key] = asyncio.create_task(_end_after(running))
        ends.add_done_callback(lambda task: self._ends.pop(key) if self._ends.get(key) is task else None)

    def _limit_problem(self) -> str:
        limit = self.config.limit("target_limit")
        count = len(self._running)
        return f"target_limit exceeded: {count} targets, limit {limit}" if limit and count > limit else ""

    async def _close(self, clients: Sequence[httpx.AsyncClient]) -> None:
        for client in list(clients):
            self._clients.remove(client)
            await client.aclose()


async def _end_after(running: Running) -> None:
    await asyncio.gather(running.task, return_exceptions=True)
    await running.loop.end()


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
