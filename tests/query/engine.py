"""The one embedded engine of the test process (chDB allows one data path each); tests keep apart by tenant."""

import asyncio
import shutil
import tempfile
from functools import cache
from pathlib import Path

from traceo.config import Store as StoreSettings
from traceo.store.base import Request, Signal, Store
from traceo.store.embedded import open_embedded
from traceo.store.migrate import migrate

FOLDERS: list[Path] = []


@cache
def engine() -> Store:
    folder = Path(tempfile.mkdtemp(prefix="traceo-tests-"))
    store = open_embedded(folder, StoreSettings())
    FOLDERS.append(folder)
    asyncio.run(migrate(store))
    return store


def close_engine() -> None:
    """At the end of all tests: while its folder goes, no engine may still work in it."""
    if FOLDERS:
        asyncio.run(engine().close())
        shutil.rmtree(FOLDERS.pop(), ignore_errors=True)


def insert(tenant: str, signal: Signal, *bodies: bytes) -> None:
    outcomes = asyncio.run(engine().insert(signal, [Request(tenant, body) for body in bodies]))
    assert [outcome.rejected for outcome in outcomes] == [0] * len(bodies)
