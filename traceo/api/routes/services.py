"""Services, their operations, and the calls between them."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from traceo.api.answer import answer
from traceo.api.depends import QueriesOf, Range, Tenant
from traceo.api.routes.compare_answers import ServiceComparison
from traceo.api.routes.trace_answers import EdgeRows, OperationRows, RedSeries, ServiceRows
from traceo.api.times import parse_range
from traceo.query.red import read_red
from traceo.query.service_compare import compare_service
from traceo.query.services import list_edges, list_operations, list_services

router = APIRouter(tags=["services"])
MAX_NAMED = 100


@router.get("/services", response_model=ServiceRows)
async def get_services(queries: QueriesOf, tenant: Tenant, between: Range) -> JSONResponse:
    """Rate, errors and duration of each service: of its server and consumer spans, or of all if it has none."""
    return answer({"services": await list_services(queries, tenant, between)})


@router.get("/services/edges", response_model=EdgeRows)
async def get_edges(queries: QueriesOf, tenant: Tenant, between: Range) -> JSONResponse:
    """Who calls whom, with rate, errors and duration."""
    return answer({"edges": await list_edges(queries, tenant, between)})


@router.get("/services/{service:path}/operations", response_model=OperationRows)
async def get_operations(service: str, queries: QueriesOf, tenant: Tenant, between: Range) -> JSONResponse:
    """Rate, errors and duration of each operation of a service."""
    return answer({"operations": await list_operations(queries, tenant, service, between)})


@router.get("/services/{service:path}/compare", response_model=ServiceComparison)
async def get_comparison(
    service: str,
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    before_start: Annotated[str, Query(description="Like start: the range to compare with")],
    before_end: Annotated[str, Query(description="Like end")],
) -> JSONResponse:
    """A service at two times, such as before and after a deploy: what changed beyond chance, and a verdict."""
    before = parse_range(before_start, before_end)
    return answer(await compare_service(queries, tenant, service, before, between))


@router.get("/red", response_model=RedSeries)
async def get_red(
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    service: Annotated[
        list[str] | None, Query(max_length=MAX_NAMED, description="One or several; all, if none")
    ] = None,
    operation: str = "",
    points: Annotated[int, Query(ge=1, le=500, description="At most so many steps, of whole minutes")] = 60,
    durations: Annotated[bool, Query(description="With quantiles")] = True,
    limit: Annotated[int, Query(ge=1, le=1000, description="Services")] = 1000,
) -> JSONResponse:
    """Requests, errors and durations over time, of every service, of some, or of one operation."""
    named = [name for name in service or () if name]
    return answer(await read_red(queries, tenant, between, named, operation, points, durations, limit))
