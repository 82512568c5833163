"""The default of all tenants from `sampling.policy_file`: loaded at start, and again when the file changes."""

import asyncio
import logging
from pathlib import Path

from traceo.errors import ConfigError, InvalidRequest, QueryError, TraceoError
from traceo.policies.model import ALL_TENANTS, MAX_COMMENT
from traceo.policies.service import PolicyService

logger = logging.getLogger(__name__)

BY = "file"
RECOMMENDED = "recommended"  # as a path: Traceo's own policies, which lie beside this file
LOOK_EVERY_S = 2.0  # below the service's CACHE_TTL_S, so that ingest never waits for the database


class PolicyFile:
    """`path`: the setting; "" when there is no file. Its text becomes a version of tenant "", once for all replicas."""

    def __init__(self, service: PolicyService, path: str) -> None:
        self._service = service
        own = Path(__file__).with_name("recommended.yaml")
        self._path = own if path == RECOMMENDED else Path(path).expanduser() if path else None
        self._seen: tuple[int, int, int] | None = None
        self._problem = ""

    def load(self) -> None:
        """At start. Raises ConfigError if the file cannot be read or parsed, and StoreUnavailable."""
        self._service.refresh()
        try:
            if self._path is None:
                self._end_old_file()
            else:
                self._put_if_changed(self._path)
        except (OSError, UnicodeDecodeError, InvalidRequest, QueryError) as error:
            raise ConfigError(f"sampling.policy_file {self._path}: {error}") from error

    def look(self) -> None:
        """Later: a file that is wrong is logged once, and what was in force goes on. So does a silent database."""
        try:
            self._service.refresh()
            if self._path is not None:
                self._put_if_changed(self._path)
            problem = ""
        except (OSError, UnicodeDecodeError, TraceoError) as error:
            problem = str(error)
        if problem and problem != self._problem:
            shown = {"file": str(self._path or ""), "error": problem}
            logger.error("sampling policies were not loaded, the known ones go on", extra={"fields": shown})
        self._problem = problem

    async def watch(self) -> None:
        """Look until cancelled, in a thread; it also keeps the service's memory fresh."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await asyncio.to_thread(self.look)

    def _put_if_changed(self, path: Path) -> None:
        """A text that is wrong is read once; what failed for another reason is tried again."""
        found = path.stat()
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen == self._seen:
            return
        try:
            added = self._service.put_if_new(
                ALL_TENANTS, path.read_text(encoding="utf-8"), BY, str(path)[-MAX_COMMENT:]
            )
        except (UnicodeDecodeError, InvalidRequest, QueryError):
            self._seen = seen
            raise
        self._seen = seen
        if added:
            shown = {"file": str(path), "version": added.version}
            logger.info("sampling policies were loaded", extra={"fields": shown})

    def _end_old_file(self) -> None:
        """The file was a setting before and is none now: what it said no longer applies."""
        last = self._service.current(ALL_TENANTS)
        if last and last.created_by == BY and last.samples:
            self._service.remove(ALL_TENANTS, BY, "sampling.policy_file is no longer set")
