"""The API over a state database alone, for commands that ask it."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest
import uvicorn
from prometheus_client import CollectorRegistry

from traceo.access.service import AccessService
from traceo.api.app import ApiServices, make_api
from traceo.cardinality.usage import MetricUsage
from traceo.catalog.owner_file import OwnerFile
from traceo.catalog.owners import OwnerService
from traceo.config import Config
from traceo.dashboards.service import DashboardService
from traceo.policies.service import PolicyService
from traceo.saved.queries import SavedQueries
from traceo.state.database import open_state
from traceo.telemetry import make_metrics


class Server:
    """The API in a thread."""

    def __init__(self, services: ApiServices) -> None:
        self._services = services
        self._server: uvicorn.Server | None = None
        self.policies = services.policies

    async def serve(self) -> None:
        app = make_api(self._services)
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, ws="none", lifespan="off", log_config=None))
        await self._server.serve()

    def url(self) -> str:
        begun = time.monotonic()
        while not (self._server and self._server.started):
            assert time.monotonic() - begun < 20
            time.sleep(0.01)
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        assert self._server
        self._server.should_exit = True


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    engine = open_state(f"sqlite:///{tmp_path_factory.mktemp('state')}/state.db")
    config = Config(data_dir=Path("/nowhere"))
    authenticate, registry = AccessService(engine, config).authenticate, CollectorRegistry()
    seconds, store = make_metrics().api_request_seconds, cast(Any, None)
    server = Server(
        ApiServices(
            store,
            config,
            authenticate,
            registry,
            seconds,
            dict,
            PolicyService(engine),
            MetricUsage(engine),
            OwnerService(engine, OwnerFile("")),
            DashboardService(engine),
            SavedQueries(engine),
        )
    )
    thread = Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    server.url()
    yield server
    server.stop()
    thread.join()
    engine.dispose()
