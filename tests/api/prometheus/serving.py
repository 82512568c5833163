"""The application on a socket, for clients that are programs."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from threading import Thread

import uvicorn

from tests.api.prometheus.client import app_of
from traceo.api.app import ApiServices


@contextlib.contextmanager
def serve(services: ApiServices) -> Iterator[str]:
    """The application in a thread: its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app_of(services), ws="none", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        thread = Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()
