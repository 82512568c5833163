"""Migrations and retention on every node of a cluster."""

import pytest

from tests.store.conformance import ages as ages
from traceo.config import Retention
from traceo.store.cluster import ClusterStore
from traceo.store.migrate import RETENTION, apply_retention, migrate, read_migrations

pytestmark = pytest.mark.anyio

TABLES = """
SELECT name, engine, create_table_query, toUnixTimestamp(metadata_modification_time) AS changed
FROM system.tables WHERE database = currentDatabase() ORDER BY name
"""
DAY_S = 86400


async def tables(store: ClusterStore, *columns: str) -> list[list[dict[str, object]]]:
    """Of each node, one row for each table."""
    return [(await store.query_on(host, TABLES)).select(columns).to_pylist() for host in await store.hosts()]


async def test_migrations_leave_the_same_tables_on_every_node(store: ClusterStore) -> None:
    first, second = await tables(store, "name", "engine", "create_table_query")
    assert first == second
    engines = {row["name"]: row["engine"] for row in first}
    assert engines["spans"] == engines["spans_in"] == engines["metrics_in"] == "Distributed"
    assert engines["spans_local"] == "MergeTree" and engines["spans_in_local"] == "Null"
    assert engines["seen"] == "Set"


async def test_migrating_again_changes_nothing(store: ClusterStore) -> None:
    before = await tables(store, "name", "create_table_query", "changed")
    assert await migrate(store) == []
    assert await tables(store, "name", "create_table_query", "changed") == before


async def test_migration_that_a_crash_interrupted_is_completed(store: ClusterStore) -> None:
    """A crash between a node's statements and its journal: all of them run again."""
    before = await tables(store, "name", "create_table_query")
    second = (await store.hosts())[1]
    await store.execute_on(second, "TRUNCATE TABLE schema_migrations")
    await store.execute_on(second, "ALTER TABLE schema_migrations DROP COLUMN fingerprint")  # as of an early build
    assert await migrate(store) == [migration.name for migration in read_migrations()]
    assert await tables(store, "name", "create_table_query") == before


@pytest.mark.usefixtures("ages")
async def test_retention_is_set_on_every_node_and_only_once(store: ClusterStore) -> None:
    seconds = dict.fromkeys(Retention.__slots__, 30.0 * DAY_S)
    await apply_retention(store, seconds)
    before = await tables(store, "name", "create_table_query", "changed")
    for node in before:
        texts = {str(row["name"]): str(row["create_table_query"]) for row in node}
        assert all("TTL" in texts[f"{table}_local"] for table in RETENTION)
        assert "TTL received_at + toIntervalSecond(2592000)" in texts["spans_local"]
        assert "TTL day + toIntervalDay(30)" in texts["series_local"]
    await apply_retention(store, seconds)
    assert await tables(store, "name", "create_table_query", "changed") == before
    await apply_retention(store, {**seconds, "spans": 7.0 * DAY_S})
    for node in await tables(store, "name", "create_table_query"):
        texts = {str(row["name"]): str(row["create_table_query"]) for row in node}
        assert "TTL received_at + toIntervalSecond(604800)" in texts["spans_local"]
