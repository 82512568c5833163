"""Tempo's API over the traces of TraceQL's tests: called without a socket, and on a port for the command line."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.api.prometheus.client import call, make_services
from tests.query.traceql.stored import NOW, TENANT, load
from traceo.api.app import ApiServices
from traceo.state.database import open_state

Get = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServices]:
    database = open_state(f"sqlite:///{tmp_path_factory.mktemp('state')}/state.db")
    yield make_services(database)
    database.dispose()


@pytest.fixture(scope="module")
def get(services: ApiServices) -> Get:
    load()

    def ask(path: str, accept: str = "", **params: Any) -> httpx.Response:
        params = {"start": str(NOW // 10**9 - 3600), "end": str(NOW // 10**9 + 3600), **params}
        headers = {"X-Scope-OrgID": TENANT, **({"Accept": accept} if accept else {})}
        return call(services, "GET", f"/tempo{path}", headers=headers, params=params)

    return ask


@pytest.fixture(scope="module")
def url(services: ApiServices) -> Iterator[str]:
    load()

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = call(services, "GET", self.path, headers=dict(self.headers))
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers["content-type"])
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
