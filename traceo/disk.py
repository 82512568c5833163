"""Watches the free disk space, so that writes stop before the engine runs out in the middle of one."""

import asyncio

from traceo.errors import DiskFull, TraceoError
from traceo.store.base import Store

INTERVAL_S = 1.0


class DiskGuard:
    """Refuses writes while less than `floor_bytes` is free; reads and merges go on. Recovers by itself."""

    def __init__(self, store: Store, floor_bytes: int) -> None:
        self._store = store
        self.floor_bytes = floor_bytes
        self.free_bytes = floor_bytes

    def check(self) -> None:
        """Raises `DiskFull` below the floor."""
        if self.free_bytes < self.floor_bytes:
            raise DiskFull(
                f"{self.free_bytes >> 20} MiB of disk are free and store.min_free_disk is "
                f"{self.floor_bytes >> 20} MiB: free some space, add disk, or shorten the retention; nothing was stored"
            )

    async def look(self) -> None:
        """Measure once. A store that cannot answer says so itself on the next insert."""
        try:
            self.free_bytes = await self._store.free_disk_bytes()
        except TraceoError:
            return

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL_S)
