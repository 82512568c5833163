"""The application over the tests' engine, called without a socket."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar, cast

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from tests.query.engine import engine
from traceo.access.model import ALL_SCOPES, Principal, Scope
from traceo.api.app import ApiServices, make_api
from traceo.cardinality.usage import MetricUsage
from traceo.catalog.owner_file import OwnerFile
from traceo.catalog.owners import OwnerService
from traceo.config import Config
from traceo.dashboards.service import DashboardService
from traceo.errors import Unauthenticated
from traceo.saved.queries import SavedQueries
from traceo.telemetry import make_metrics

PREFIX = "/prometheus/api/v1"
APPS = 16
Result = TypeVar("Result")


def authenticate(authorization: str | None, x_scope_orgid: str | None, peer_ip: str) -> Principal:
    if authorization == "Bearer wrong":
        raise Unauthenticated("the token is unknown, expired or revoked")
    scopes = frozenset({Scope.INGEST}) if authorization == "Bearer ingest" else ALL_SCOPES
    return Principal(x_scope_orgid or "prometheus", scopes, "somebody")


def make_services(state: Engine, store: Any = None, config: Config | None = None) -> ApiServices:
    policies = cast(Any, None)
    seconds = make_metrics().api_request_seconds
    return ApiServices(
        store or engine(),
        config or Config(data_dir=Path("/nowhere")),
        authenticate,
        CollectorRegistry(),
        seconds,
        dict,
        policies,
        MetricUsage(state),
        OwnerService(state, OwnerFile("")),
        DashboardService(state),
        SavedQueries(state),
    )


apps: list[tuple[ApiServices, FastAPI]] = []


@cache
def loop() -> asyncio.AbstractEventLoop:
    """One for all requests, in a thread of its own: an application belongs to the loop that has served it."""
    made = asyncio.new_event_loop()
    Thread(target=made.run_forever, daemon=True).start()
    return made


def begin(work: Coroutine[Any, Any, Result]) -> Future[Result]:
    """Run it there."""
    return asyncio.run_coroutine_threadsafe(work, loop())


def app_of(services: ApiServices) -> FastAPI:
    """Made once: its first request builds the routes, which takes longer than most requests."""
    for known, app in apps:
        if known is services:
            return app
    apps.append((services, make_api(services)))
    del apps[:-APPS]
    return apps[-1][1]


def call(services: ApiServices, method: str, path: str, **request: Any) -> httpx.Response:
    async def work() -> httpx.Response:
        transport = httpx.ASGITransport(app_of(services), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://traceo") as client:
            return await client.request(method, path, **request)

    return begin(work()).result()
