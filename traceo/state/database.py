"""Opens the state database and brings its schema up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError

from traceo.errors import ConfigError, SchemaTooNew, StoreUnavailable

MIGRATIONS = Path(__file__).with_name("migrations")
UPGRADE_LOCK = 0x7261636F  # any fixed number: replicas that start together migrate one after the other
BUSY_TIMEOUT_MS = 5000


def open_state(url: str) -> Engine:
    """An engine on an up-to-date database. Raises ConfigError, StoreUnavailable, SchemaTooNew."""
    engine = connect(url)
    upgrade(engine)
    return engine


def connect(url: str) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://…`, without touching the schema. Raises ConfigError."""
    parsed = _parse_url(url)
    if parsed.drivername == "postgresql+psycopg":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def upgrade(engine: Engine) -> None:
    """Run the missing migrations, all or none. Raises StoreUnavailable, SchemaTooNew."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with begin_writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise SchemaTooNew(f"the state database was written by a newer Traceo: {error}") from error


@contextmanager
def begin(engine: Engine) -> Iterator[Connection]:
    """A transaction: committed at the end, rolled back on an exception. Raises StoreUnavailable."""
    try:
        with engine.begin() as connection:
            yield connection
    except (OperationalError, InterfaceError) as error:
        raise StoreUnavailable(f"the state database does not answer: {_first_line(error)}") from error


@contextmanager
def begin_writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes. SQLite refuses one that began by reading when another process has written since."""
    with begin(engine.execution_options(sqlite_begin="IMMEDIATE")) as connection:
        yield connection


@contextmanager
def begin_alone(engine: Engine, table: Table) -> Iterator[Connection]:
    """A transaction that reads a table and then writes it: others that do the same wait. Raises StoreUnavailable."""
    with begin_writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))
        yield connection


def insert_into(engine: Engine, table: Table) -> sqlite.Insert | postgresql.Insert:
    """The database's own INSERT, which has `on_conflict_do_update`."""
    return postgresql.insert(table) if engine.dialect.name == "postgresql" else sqlite.insert(table)


def _parse_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError("state.url is not a database URL such as postgresql://user:password@host/database") from error
    dialect = parsed.get_backend_name()
    if dialect == "sqlite":
        return parsed.set(drivername="sqlite")
    if dialect in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise ConfigError(f"state.url: expected sqlite or postgresql, got {dialect}")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Leave transactions to `_begin_sqlite`: the driver's own would not cover DDL."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).partition("\n")[0]
