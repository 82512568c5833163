"""The state of the server, for people under /api/v1/status and for machines at the root."""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from traceo import __version__
from traceo.api.answer import answer
from traceo.api.depends import QueriesOf, Range, ServicesOf, Tenant
from traceo.errors import DiskFull, StoreUnavailable, TraceoError
from traceo.query.usage import list_usage

READY_TIMEOUT_S = 5.0

router = APIRouter(tags=["status"])
probes = APIRouter(include_in_schema=False)


class Status(BaseModel):
    """The state of the server."""

    version: str
    uptime_s: float
    tenant: str
    store: str
    free_disk_bytes: int
    buffered_bytes: int


@router.get("/status", response_model=Status)
async def get_status(request: Request, services: ServicesOf, tenant: Tenant) -> JSONResponse:
    """Version, uptime, kind of store, free disk, bytes not yet committed."""
    return answer(
        {
            "version": __version__,
            "uptime_s": round(time.monotonic() - request.app.state.started, 3),
            "tenant": tenant,
            "store": services.config.store_url.partition(":")[0],
            "free_disk_bytes": await services.store.free_disk_bytes(),
            **services.status(),
        }
    )


class UsageRow(BaseModel):
    """What a service sent of a signal; bytes are those of the wire, before compression."""

    service: str
    signal: str
    items: int
    bytes: int


class Usage(BaseModel):
    """Most bytes first."""

    usage: list[UsageRow]


@router.get("/usage", response_model=Usage)
async def get_usage(
    queries: QueriesOf, tenant: Tenant, between: Range, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000
) -> JSONResponse:
    """What arrived, by service and signal."""
    return answer({"usage": await list_usage(queries, tenant, between, limit)})


@probes.get("/healthz")
async def get_health() -> JSONResponse:
    """The process answers."""
    return answer({"status": "ok"})


@probes.get("/readyz")
async def get_readiness(services: ServicesOf) -> JSONResponse:
    """The engine answers, and the disk has more than `store.min_free_disk`."""
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await services.store.query("SELECT 1")
            free = await services.store.free_disk_bytes()
    except TimeoutError as error:
        raise StoreUnavailable("the store does not answer in time") from error
    except TraceoError as error:
        raise StoreUnavailable(error.message) from error
    if free < services.config.store.min_free_disk:
        raise DiskFull(f"{free} bytes of disk are free, less than store.min_free_disk")
    return answer({"status": "ready"})


@probes.get("/metrics")
async def get_own_metrics(services: ServicesOf) -> Response:
    """The server's own metrics, in the Prometheus text format."""
    return Response(generate_latest(services.registry), media_type=CONTENT_TYPE_LATEST)
