"""The embedded store keeps the contract, and what only it promises."""

import asyncio
from pathlib import Path

import pytest

from tests.query.engine import engine
from tests.store.conformance import *  # noqa: F403  (every test of the contract)
from traceo.config import Store as StoreSettings
from traceo.errors import StoreUnavailable
from traceo.store.base import Store
from traceo.store.embedded import open_embedded


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store() -> Store:
    return engine()


async def test_statements_run_at_the_same_time(store: Store) -> None:
    sleeping = asyncio.create_task(store.query("SELECT sleep(1)"))
    (row,) = (await store.query("SELECT 1 AS one")).to_pylist()
    assert row == {"one": 1} and not sleeping.done()
    await sleeping


def test_second_data_path_in_one_process_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        open_embedded(tmp_path, StoreSettings())
