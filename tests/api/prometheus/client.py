"""The application over the tests' engine, called without a socket."""

import asyncio
from pathlib import Path
from typing import Any, cast

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


def app_of(services: ApiServices) -> FastAPI:
    """Made once: that takes longer than most requests."""
    if not apps or apps[-1][0] is not services:
        apps[:] = [(services, make_api(services))]
    return apps[-1][1]


def call(services: ApiServices, method: str, path: str, **request: Any) -> httpx.Response:
    async def work() -> httpx.Response:
        transport = httpx.ASGITransport(app_of(services), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://traceo") as client:
            return await client.request(method, path, **request)

    return asyncio.run(work())
