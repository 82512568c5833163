"""How much a selector means: counts, and volumes by labels."""

from fastapi import APIRouter, Request, Response

from traceo.api.compat.loki.answer import LokiRoute, answer_data, answer_json
from traceo.api.compat.loki.labels import GET_POST
from traceo.api.compat.loki.language import parse_selector
from traceo.api.compat.loki.params import MAX_POINTS, TOO_MANY_POINTS, ParamsOf, read_bounds, read_limit, read_step
from traceo.api.compat.prometheus.params import Params
from traceo.api.compat.prometheus.waiting import while_connected
from traceo.api.depends import QueriesOf, Tenant
from traceo.errors import InvalidRequest
from traceo.query.log_volume import Volume, count_streams, read_volumes
from traceo.query.run import Queries
from traceo.query.sql import TimeRange

router = APIRouter(route_class=LokiRoute)


@router.api_route("/index/stats", methods=GET_POST)
async def get_stats(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Streams, entries and bytes."""
    matchers = parse_selector(params.get("query"))
    stats = await while_connected(request, count_streams(queries, tenant, read_bounds(params), matchers))
    counts = {"streams": stats.streams, "chunks": stats.chunks, "entries": stats.entries, "bytes": stats.bytes}
    return answer_json(counts)


@router.api_route("/index/volume", methods=GET_POST)
async def get_volume(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Bytes by labels over the whole range."""
    between = read_bounds(params)
    volumes = await _read(request, params, queries, tenant, between, between.end_ns - between.start_ns)
    at = between.end_ns / 10**9
    result = [{"metric": labels, "value": [at, str(sum(steps.values()))]} for labels, steps in volumes]
    return answer_data({"resultType": "vector", "result": result, "stats": {}})


@router.api_route("/index/volume_range", methods=GET_POST)
async def get_volume_range(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Bytes by labels in each step; a step's time is its end, or that of the range."""
    between = read_bounds(params)
    step = read_step(params, between)
    if (between.end_ns - between.start_ns) // step > MAX_POINTS:
        raise InvalidRequest(TOO_MANY_POINTS)
    volumes = await _read(request, params, queries, tenant, between, step)
    result = [
        {
            "metric": labels,
            "values": [
                [min(between.start_ns + (number + 1) * step, between.end_ns) / 10**9, str(size)]
                for number, size in steps.items()
            ],
        }
        for labels, steps in volumes
    ]
    return answer_data({"resultType": "matrix", "result": result, "stats": {}})


async def _read(
    request: Request, params: Params, queries: Queries, tenant: str, between: TimeRange, step_ns: int
) -> list[Volume]:
    matchers = parse_selector(params.get("query"), may_be_open=True)
    by = params.get("aggregateBy", "series")
    if by not in ("series", "labels"):
        raise InvalidRequest("invalid aggregation option")
    targets = [name for name in params.get("targetLabels").split(",") if name]
    work = read_volumes(queries, tenant, between, matchers, targets, step_ns, by_label=by == "labels")
    return (await while_connected(request, work))[: read_limit(params)]
