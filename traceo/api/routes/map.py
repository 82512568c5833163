"""The map of services and what they call, and what differs between two times."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from traceo.api.answer import answer
from traceo.api.depends import QueriesOf, Range, ServicesOf, Tenant
from traceo.api.routes.map_answers import EdgeSeries, Health, MapAnswer, MapDiff
from traceo.api.services import ApiServices
from traceo.api.times import parse_range
from traceo.query.edge_red import read_edge_red
from traceo.query.map_diff import diff_maps
from traceo.query.map_view import MAX_HOPS, MapView
from traceo.query.service_map import read_map

router = APIRouter(tags=["map"])


Hops = Annotated[int | None, Query(ge=0, le=MAX_HOPS)]
GroupBy = Annotated[Literal["", "namespace", "team", "version"], Query(description="Groups in the place of services")]


@router.get("/map", response_model=MapAnswer)
async def get_map(
    services: ServicesOf,
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    focus: Annotated[str, Query(description="A service's name, or a node's id: only what lies around it")] = "",
    hops: Annotated[int, Query(ge=0, le=MAX_HOPS, description="How far around the focus, in calls")] = 2,
    up: Hops = None,
    down: Hops = None,
    health: Literal["", Health] = "",
    edge_health: Annotated[Literal["", Health], Query(description="Only such calls, and their ends")] = "",
    group_by: GroupBy = "",
) -> JSONResponse:
    """Services, databases, queues, external hosts and users, with the calls between them; exact, at any past time.

    `up` and `down`: from the focus only to callers so far up and to what is called so far down.
    """
    view = MapView(focus, hops, up, down, health, edge_health, group_by)
    teams = await _read_teams(services, tenant, group_by)
    return answer(await read_map(queries, tenant, between, view, teams))


async def _read_teams(services: ApiServices, tenant: str, group_by: str) -> dict[str, str] | None:
    """Of each service, for a view by team."""
    if group_by != "team":
        return None
    owners = await asyncio.to_thread(services.owners.read, tenant)
    return {service: ownership.to_row()["team"] for service, ownership in owners.items()}


@router.get("/map/edge", response_model=EdgeSeries)
async def get_map_edge(
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    source: Annotated[str, Query(description="A node's id: service:cart")],
    target: Annotated[str, Query(description="A node's id: database:redis")],
    points: Annotated[int, Query(ge=1, le=500, description="At most so many steps, of whole minutes")] = 60,
) -> JSONResponse:
    """Requests, errors and durations of the calls from one node to another, over time."""
    return answer(await read_edge_red(queries, tenant, between, source, target, points))


@router.get("/map/diff", response_model=MapDiff)
async def get_map_diff(
    services: ServicesOf,
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    before_start: Annotated[str, Query(description="Like start: the range to compare with")],
    before_end: Annotated[str, Query(description="Like end")],
    group_by: GroupBy = "",
) -> JSONResponse:
    """Nodes and edges that are new, gone or significantly changed since the range before."""
    before, teams = parse_range(before_start, before_end), await _read_teams(services, tenant, group_by)
    return answer(await diff_maps(queries, tenant, before, between, group_by, teams))
