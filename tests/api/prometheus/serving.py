"""The application on a socket, for clients that are programs."""

import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from tests.api.prometheus.client import app_of, begin
from traceo.api.app import ApiServices


@contextlib.contextmanager
def serve(services: ApiServices) -> Iterator[str]:
    """The application beside the test: its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app_of(services), ws="none", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        served = begin(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        served.result()
