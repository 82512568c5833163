"""The scraper as a whole: follows its configuration file, and scrapes while this replica holds the lease."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from traceo.errors import ConfigError
from traceo.scraping.config import ScrapeConfig, ScrapeFile, load_file
from traceo.scraping.loop import Write
from traceo.scraping.pools import ScrapePool

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0


class Scraper:
    """`path`: the setting, "" for none. `write` takes remote-write requests; `is_held`: whether this replica may."""

    def __init__(self, path: str, write: Write, is_held: Callable[[], bool]) -> None:
        self.pools: dict[str, ScrapePool] = {}
        self.path = Path(path).expanduser() if path else None
        self._write = write
        self._is_held = is_held
        self._file = ScrapeFile()
        self._stamp: tuple[int, int, int] | None = None
        self._applied: ScrapeFile | None = None
        self._wake = asyncio.Event()
        self._stopping: dict[asyncio.Task[None], ScrapePool] = {}

    def load(self) -> None:
        """At start. Raises ConfigError when the file is wrong."""
        if self.path:
            self._file = load_file(self.path)
            self._stamp = _stamp(self.path)
            for note in self._file.notes:
                logger.warning("%s: %s", self.path, note)

    def reload(self) -> None:
        """Read the file again soon, even if it looks unchanged (SIGHUP)."""
        self._stamp = None
        self._wake.set()

    async def run_forever(self) -> None:
        """Until cancelled; then nothing becomes stale, because scraping goes on after a restart or elsewhere."""
        try:
            while self.path:
                await asyncio.to_thread(self._look, self.path)
                await self._follow_lease()
                await self._sleep()
        finally:
            await self._stop_all()

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    def _look(self, path: Path) -> None:
        """A file that is wrong is told once, and what was in force goes on."""
        stamp = _stamp(path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._file = load_file(path)
        except ConfigError as error:
            logger.error("scraping goes on as before, the new configuration is wrong: %s", error)
        else:
            logger.info("the scrape configuration was loaded", extra={"fields": {"jobs": len(self._file.configs)}})

    async def _follow_lease(self) -> None:
        if not self._is_held():
            if self._applied is not None:
                logger.warning("another replica scrapes now")
                await self._stop_all()
            return
        if self._applied is not self._file:
            self._applied = self._file
            await self._apply(self._file)

    async def _apply(self, file: ScrapeFile) -> None:
        wanted = {config.job_name: config for config in file.configs}
        for name in self.pools.keys() - wanted.keys():
            pool = self.pools.pop(name)
            task = asyncio.create_task(pool.stop(targets_are_gone=True))
            self._stopping[task] = pool
            task.add_done_callback(self._stopping.pop)
        for name, config in wanted.items():
            try:
                await self._apply_job(name, config)
            except OSError as error:
                logger.error("job %s is not scraped: %s", name, error)

    async def _apply_job(self, name: str, config: ScrapeConfig) -> None:
        pool = self.pools.get(name)
        if pool is None:
            pool = ScrapePool(config, self._write)
            pool.start()
            self.pools[name] = pool
        elif pool.config != config:
            await pool.change(config)

    async def _stop_all(self) -> None:
        self._applied = None
        pools, tasks = [*self.pools.values(), *self._stopping.values()], list(self._stopping)
        self.pools = {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(pool.stop(targets_are_gone=False) for pool in pools), return_exceptions=True)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
