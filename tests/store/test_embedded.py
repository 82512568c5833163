"""The embedded store keeps the contract, and what only it promises."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.query.engine import engine
from tests.store.conformance import *  # noqa: F403  (every test of the contract)
from tests.store.conformance import noted, one_trace
from traceo.config import Config
from traceo.config import Store as StoreSettings
from traceo.errors import SchemaChanged, StoreError, StoreUnavailable
from traceo.store.base import Batch, Request, Signal, Store
from traceo.store.embedded import open_embedded
from traceo.store.open import prepare_store


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store() -> Store:
    return engine()


async def test_statements_run_at_the_same_time(store: Store) -> None:
    long = asyncio.create_task(store.query("SELECT sum(cityHash64(number)) FROM numbers(1000000000000)"))
    (row,) = (await store.query("SELECT 1 AS one")).to_pylist()
    assert row == {"one": 1} and not long.done()
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long


def test_second_data_path_in_one_process_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        open_embedded(tmp_path, StoreSettings())


@pytest.mark.parametrize(
    ("url", "way_out"),
    [("", "rm -r {folder}$"), ("chdb:///srv/tables", "rm -r /srv/tables$"), ("clickhouse://one", "a fresh database")],
)
async def test_refusal_of_other_tables_says_where_they_are_and_what_to_do(
    store: Store, tmp_path: Path, url: str, way_out: str
) -> None:
    settings = Config(data_dir=tmp_path, store=StoreSettings(url=url))
    async with noted(store, 3, "003_spans.sql", "of another text"):
        with pytest.raises(SchemaChanged, match=f"003_spans.sql. Go on with .*{way_out.format(folder=tmp_path)}"):
            await prepare_store(store, settings)


FAILING_VIEW = """
CREATE MATERIALIZED VIEW failing TO failing_into AS
SELECT throwIf(tenant = 'unlucky', 'a view fails') AS x FROM spans_in
"""


async def test_block_that_fails_in_a_view_is_an_error_and_can_be_repeated(store: Store) -> None:
    batch, request = Batch.new(), Request("unlucky", one_trace())
    await store.execute("CREATE TABLE failing_into (x UInt8) ENGINE = Null")
    await store.execute(FAILING_VIEW)
    try:
        with pytest.raises(StoreError, match="a view fails"):
            await store.insert(Signal.TRACES, [request], batch)
    finally:
        await store.execute("DROP VIEW failing SYNC")
        await store.execute("DROP TABLE failing_into SYNC")
    await store.insert(Signal.TRACES, [request], batch)
    for table, column in (("spans", "1"), ("span_red", "spans"), ("usage", "items")):
        found = await store.query(f"SELECT sum({column}) AS n FROM {table} WHERE tenant = 'unlucky'")
        assert found.to_pylist() == [{"n": 1}], table


def test_block_that_needs_more_memory_than_there_is_is_an_error(tmp_path: Path) -> None:
    """In a process of its own: one process has one engine."""
    code = f"""
import asyncio
import subprocess
import sys
from pathlib import Path
from traceo.config import Config, Store
from traceo.errors import StoreError, StoreUnavailable
from traceo.store.base import Request, Signal
from traceo.store.open import open_store
from tests.query.telemetry import logs

async def main():
    store = await open_store(Config(data_dir=Path({str(tmp_path)!r}), store=Store(max_memory=64 << 20)))
    body = logs("cart", [{{"body": "x" * 1000}}] * 1000)
    try:
        await store.insert(Signal.LOGS, [Request("t", body)] * 100)
    except StoreUnavailable as error:
        assert error.code == 241, error
        print("refused")
    assert (await store.query("SELECT count() AS n FROM logs")).to_pylist() == [{{"n": 0}}]
    await store.close()

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert (done.stdout, done.returncode) == ("refused\n", 0), done.stderr
