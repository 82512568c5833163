"""A server for the tests of a file that leave it as they found it; they keep apart by tenant."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.e2e.server import RunningServer, running_server

NUMBERS = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("shared") / "data") as running:
        yield running
        running.terminate()


@pytest.fixture
def tenant() -> str:
    """One that no other test uses."""
    return f"tenant-{next(NUMBERS)}"
