"""The state database: schema, transactions and failures, on SQLite and PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from traceo.errors import ConfigError, SchemaTooNew, StoreUnavailable
from traceo.state.database import begin, connect, open_state, upgrade
from traceo.state.tables import metadata, tenants, tokens

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def engine(state_url: str) -> Iterator[Engine]:
    engine = open_state(state_url)
    yield engine
    engine.dispose()


def test_migrations_lead_to_the_declared_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_upgrading_again_changes_nothing(engine: Engine) -> None:
    with begin(engine) as connection:
        connection.execute(insert(tenants).values(name="a", created_at=NOON))
    upgrade(engine)
    with begin(engine) as connection:
        assert connection.execute(select(tenants.c.name)).scalars().all() == ["a"]


def test_replicas_that_start_together_migrate_once(state_url: str) -> None:
    engines = [connect(state_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, engines))
    assert set(metadata.tables) < set(inspect(engines[0]).get_table_names())
    for engine in engines:
        engine.dispose()


def test_newer_schema_is_left_alone(engine: Engine) -> None:
    with begin(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match="newer Traceo"):
        upgrade(engine)


def test_exception_rolls_back(engine: Engine) -> None:
    with pytest.raises(KeyError), begin(engine) as connection:
        connection.execute(insert(tenants).values(name="a", created_at=NOON))
        raise KeyError
    with begin(engine) as connection:
        assert connection.execute(select(tenants)).all() == []


def test_failed_savepoint_keeps_the_transaction(engine: Engine) -> None:
    with begin(engine) as connection:
        connection.execute(insert(tenants).values(name="a", created_at=NOON))
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(insert(tenants).values(name="a", created_at=NOON))
    with begin(engine) as connection:
        assert connection.execute(select(tenants.c.name)).scalars().all() == ["a"]


def test_token_needs_its_tenant(engine: Engine) -> None:
    row = {"tenant": "none", "name": "n", "sha256": bytes(32), "scopes": ["query"], "created_at": NOON}
    with pytest.raises(IntegrityError), begin(engine) as connection:
        connection.execute(insert(tokens).values(row))


def test_times_come_back_in_utc(engine: Engine) -> None:
    east = NOON.astimezone(timezone(timedelta(hours=5)))
    with begin(engine) as connection:
        connection.execute(insert(tenants).values(name="a", created_at=east))
        read = connection.execute(select(tenants.c.created_at)).scalar_one()
    assert (read, read.tzinfo) == (NOON, UTC)


def test_time_without_zone_is_refused(engine: Engine) -> None:
    with pytest.raises(StatementError, match="without a time zone"), begin(engine) as connection:
        connection.execute(insert(tenants).values(name="a", created_at=datetime(2026, 1, 1)))


def test_sqlite_writes_ahead_and_makes_its_folder(tmp_path: Path) -> None:
    engine = open_state(f"sqlite:///{tmp_path}/a/b/state.db")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    engine.dispose()


def test_unreachable_server_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable, match="does not answer"):
        open_state("postgresql://user:secret@127.0.0.1:1/none")


@pytest.mark.parametrize("url", ["mysql://h/d", "nonsense", ""], ids=["mysql", "no url", "empty"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"state\.url"):
        connect(url)
