"""Fixtures that more than one folder of tests uses."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

import tests.moment  # noqa: F401  (before other processes begin)
from tests.postgres import start_postgres
from tests.query.engine import close_engine

TESTS = Path(__file__).parent
# They take a minute or more: begun last, one would leave the other processes idle.
LONGEST = (
    "web/test_browser.py",
    "store/test_embedded.py",  # and many times as long once the process's engine has data of others
    "cluster/test_takeover.py",
    "e2e/test_sampling.py",
    "e2e/test_prometheus.py",
    "e2e/test_crash.py",
    "e2e/test_disk_full.py",
    "differential/test_promql.py",
    "web/test_units.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the expected outputs under tests/golden")
    parser.addoption("--queries", type=int, default=150, help="random PromQL queries to compare with Prometheus")
    parser.addoption("--seed", type=int, default=1, help="of these queries")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that no process is alone with one at the end (with `--no-loadscope-reorder`)."""
    places = {TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))


def pytest_sessionfinish() -> None:
    close_engine()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden("promql/rate.sql", text)`: the text must be that file of tests/golden; `make golden` rewrites it."""

    def check(name: str, text: str) -> None:
        path = TESTS / "golden" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{name} is missing: make golden"
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL, for as long as the tests run: its URL."""
    with start_postgres() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # none of its data outlives a crash
                connection.execute(f"ALTER SYSTEM SET {setting} = off")  # type: ignore[arg-type]
            connection.execute("SELECT pg_reload_conf()")
        yield server.url


@pytest.fixture(params=["sqlite", "postgresql"])
def state_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty state database, on each kind of server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state.db"
    server = request.getfixturevalue("postgres_server")
    name = f"test_{abs(hash(tmp_path))}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    return make_url(server).set(database=name).render_as_string(hide_password=False)
