"""The map of services and what they call, and what differs between two times."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from traceo.api.answer import answer
from traceo.api.depends import QueriesOf, Range, Tenant
from traceo.api.routes.map_answers import MapAnswer, MapDiff
from traceo.api.times import parse_range
from traceo.query.service_map import MAX_HOPS, MapView, diff_maps, read_map

router = APIRouter(tags=["map"])


@router.get("/map", response_model=MapAnswer)
async def get_map(
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    focus: Annotated[str, Query(description="A service's name, or a node's id: only what lies around it")] = "",
    hops: Annotated[int, Query(ge=0, le=MAX_HOPS, description="How far around the focus, in calls")] = 2,
    health: Literal["", "idle", "healthy", "degraded", "failing"] = "",
) -> JSONResponse:
    """Services, databases, queues, external hosts and users, with the calls between them; exact, at any past time."""
    return answer(await read_map(queries, tenant, between, MapView(focus, hops, health)))


@router.get("/map/diff", response_model=MapDiff)
async def get_map_diff(
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    before_start: Annotated[str, Query(description="Like start: the range to compare with")],
    before_end: Annotated[str, Query(description="Like end")],
) -> JSONResponse:
    """Nodes and edges that are new, gone or significantly changed since the range before."""
    return answer(await diff_maps(queries, tenant, parse_range(before_start, before_end), between))
