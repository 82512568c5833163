"""One target over time: asked at its own moments, its answers written, its end told."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from traceo.errors import Overloaded, StoreUnavailable, TraceoError
from traceo.scraping.cache import TooManySamples
from traceo.scraping.config import ScrapeConfig
from traceo.scraping.digest import Digest, Outcome
from traceo.scraping.exposition import ExpositionError
from traceo.scraping.fetch import fetch
from traceo.scraping.series import LimitReached
from traceo.scraping.target import Target
from traceo.scraping.write import join_pieces

logger = logging.getLogger(__name__)

# Scrapes that begin this much late are dated as if they were on time, so that times compress well.
TOLERANCE_S = 0.002
CLOCK_ERROR_S = 1.0  # a sleep may end this much too early by the wall's clock, and still is the moment that it was for
FAILURES = (ExpositionError, LimitReached, TooManySamples, httpx.HTTPError, httpx.InvalidURL, OSError)

Write = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True)
class Health:
    """How the last scrape went. `health`: unknown, up or down; `at`: in seconds since 1970, 0 before the first."""

    health: str = "unknown"
    error: str = ""
    at: float = 0.0
    duration_s: float = 0.0


class ScrapeLoop:
    """A target that is being scraped. `problem`: if it is not empty, all scrapes fail with it, and nobody is asked."""

    def __init__(
        self,
        config: ScrapeConfig,
        target: Target,
        client: httpx.AsyncClient,
        write: Write,
        *,
        before: "ScrapeLoop | None" = None,
    ) -> None:
        """`before`: the loop of the same target under another configuration."""
        self.target = target
        self.problem: str = before.problem if before else ""
        self.health: Health = before.health if before else Health()
        self.digest: Digest = Digest(config, target, before.digest if before else None)
        self.config = config
        self._client = client
        self._write = write

    async def run(self) -> None:
        """Scrape until cancelled."""
        tick = 0.0
        while True:
            now = time.time()
            tick = next_tick(self.target, tick if 0 <= tick - now < CLOCK_ERROR_S else now)
            await asyncio.sleep(tick - now)
            now = time.time()
            await self.scrape(tick if now - tick <= TOLERANCE_S else now)

    async def scrape(self, now: float) -> Outcome:
        """Ask once, at a time in seconds since 1970, and write what comes of it."""
        outcome, started, time_ms = Outcome(), time.monotonic(), round(now * 1000)
        requests: list[bytes] = []
        try:
            if self.problem:
                raise LimitReached(self.problem)
            async with asyncio.timeout(self.target.timeout_s):
                body, format_name = await fetch(self._client, self.config, self.target)
            requests = await _in_thread(lambda: self.digest.take(body, format_name, time_ms, outcome))
        except TimeoutError:
            outcome.error = f"no complete answer within {self.target.timeout_s:g} s"
        except FAILURES as error:
            outcome.error = str(error) or type(error).__name__
        except Exception as error:
            logger.exception("a scrape failed", extra={"fields": {"url": self.target.url}})
            outcome.error = f"{type(error).__name__}: {error}"
        if outcome.error:
            requests = self.digest.fail(time_ms)
        outcome.duration_s = time.monotonic() - started
        self.health = Health("down" if outcome.error else "up", outcome.error, now, outcome.duration_s)
        report = self.digest.encode_report(outcome.report(self.config, self.target.timeout_s), time_ms)
        await self._write_all(join_pieces(requests, report), now + self.target.interval_s)
        return outcome

    async def end(self) -> None:
        """The target is gone: its series become stale at the first scrape that does not take place.

        Told after two more intervals, as Prometheus does: until then the target may be back.
        """
        first = next_tick(self.target, time.time())
        await asyncio.sleep(first - time.time() + self.target.interval_s * 1.1)
        await self.write_end(first)

    async def write_end(self, at: float) -> None:
        """Stale markers for all series, the scrape's own too, at a time in seconds since 1970."""
        time_ms = round(at * 1000)
        report = self.digest.encode_stale_report(self.config, time_ms)
        await self._write_all(join_pieces(self.digest.fail(time_ms), report), time.time() + self.target.interval_s)

    async def _write_all(self, requests: list[bytes], until: float) -> None:
        """A store that is busy is asked again until the next scrape; then the samples are lost, and that is said."""
        for request in requests:
            try:
                await self._write_patiently(request, until)
            except TraceoError as error:
                shown = {"url": self.target.url, "error": str(error)}
                logger.error("samples of a scrape were not stored", extra={"fields": shown})

    async def _write_patiently(self, request: bytes, until: float) -> None:
        while True:
            try:
                return await self._write(request)
            except (Overloaded, StoreUnavailable) as error:
                wait_s = getattr(error, "retry_after_s", 1.0)
                if time.time() + wait_s >= until:
                    raise
                await asyncio.sleep(wait_s)


async def _in_thread(work: Callable[[], list[bytes]]) -> list[bytes]:
    """Cancelling waits for the thread: what it works on may go to another loop then."""
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def next_tick(target: Target, now: float) -> float:
    """The next time for a scrape: the same in each interval, and another one for each target."""
    interval_ms = max(round(target.interval_s * 1000), 1)
    offset = target.key % interval_ms
    now_ms = int(now * 1000)
    return (now_ms - (now_ms - offset) % interval_ms + interval_ms) / 1000
