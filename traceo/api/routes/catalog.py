"""The catalogue of services."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from traceo.api.answer import answer
from traceo.api.depends import QueriesOf, Range, ServicesOf, Tenant
from traceo.api.routes.catalog_answers import CatalogAnswer, DeploysAnswer, ServicePage
from traceo.api.services import ApiServices
from traceo.query.catalog import Page, list_catalog, read_service
from traceo.query.deploys import list_deploys
from traceo.query.service_facts import MAX_SERVICES

router = APIRouter(tags=["catalog"])
Sort = Literal["health", "requests", "rate_per_s", "error_ratio", "p50_ms", "p95_ms", "p99_ms", "last_seen", "service"]


@router.get("/catalog", response_model=CatalogAnswer)
async def get_catalog(
    services: ServicesOf,
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    search: Annotated[
        str, Query(max_length=200, description="Part of a name, version, language, namespace or team")
    ] = "",
    sort: Sort = "requests",
    limit: Annotated[int, Query(ge=1, le=MAX_SERVICES)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> JSONResponse:
    """One row a service that sent spans, logs or metrics: figures, health, versions, instances, languages; and sums."""
    owners = await _owners_of(services, tenant)
    return answer(await list_catalog(queries, tenant, between, Page(search, sort, limit, offset), owners))


@router.get("/catalog/{service:path}", response_model=ServicePage)
async def get_catalog_service(
    service: str, services: ServicesOf, queries: QueriesOf, tenant: Tenant, between: Range
) -> JSONResponse:
    """Everything about one service: operations, versions, deploys, instances, who calls it and what it calls."""
    return answer(await read_service(queries, tenant, service, between, await _owners_of(services, tenant)))


@router.get("/deploys", response_model=DeploysAnswer)
async def get_deploys(queries: QueriesOf, tenant: Tenant, between: Range) -> JSONResponse:
    """When another version of a service took over, of all services, in order of time."""
    return answer(await list_deploys(queries, tenant, between))


async def _owners_of(services: ApiServices, tenant: str) -> dict[str, dict[str, Any]]:
    owners = await asyncio.to_thread(services.owners.read, tenant)
    return {service: ownership.to_row() for service, ownership in owners.items()}
