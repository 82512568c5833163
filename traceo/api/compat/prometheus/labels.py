"""Series, labels and their values, metadata."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from traceo.api.compat.prometheus.answer import PrometheusRoute, answer_json
from traceo.api.compat.prometheus.params import (
    MAX_TIME_MS,
    MIN_TIME_MS,
    Params,
    invalid_parameter,
    quote,
    read_params,
    unescape_label_name,
)
from traceo.api.compat.prometheus.waiting import while_connected
from traceo.api.depends import QueriesOf, Tenant
from traceo.errors import InvalidRequest, ParseError
from traceo.query.label_sets import (
    MatcherSets,
    list_label_names,
    list_label_sets,
    list_label_values,
    parse_selector,
)
from traceo.query.metric_metadata import list_metadata
from traceo.query.promql.selectors import is_label_name

router = APIRouter(route_class=PrometheusRoute)
ParamsOf = Annotated[Params, Depends(read_params)]


@router.api_route("/series", methods=["GET", "POST"])
async def get_series(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Labels of each series."""
    if not params.all("match[]"):
        raise InvalidRequest("no match[] parameter provided")
    start, end, limit, sets = *_range(params), params.limit(), _matcher_sets(params)
    found = list_label_sets(queries, tenant, sets, start, end, limit + 1 if limit else 0)
    return answer_json(await while_connected(request, found), limit=limit)


@router.api_route("/labels", methods=["GET", "POST"])
async def get_label_names(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Names of labels."""
    start, end, limit, sets = *_range(params), params.limit(), _matcher_sets(params)
    found = list_label_names(queries, tenant, sets, start, end)
    return answer_json(await while_connected(request, found), limit=limit)


@router.get("/label/{name}/values")
async def get_label_values(
    name: str, request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant
) -> Response:
    """Values of a label."""
    name = unescape_label_name(name)
    if not is_label_name(name):
        raise InvalidRequest(f"invalid label name: {quote(name)}")
    start, end, limit, sets = *_range(params), params.limit(), _matcher_sets(params)
    found = list_label_values(queries, tenant, name, sets, start, end)
    return answer_json(await while_connected(request, found), limit=limit)


@router.get("/metadata")
async def get_metadata(params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Type, help and unit of metrics."""
    limit, per_metric = (params.count(name) for name in ("limit", "limit_per_metric"))
    return answer_json(await list_metadata(queries, tenant, params.get("metric"), limit, per_metric))


def _range(params: Params) -> tuple[int, int]:
    return params.time("start", MIN_TIME_MS), params.time("end", MAX_TIME_MS)


def _matcher_sets(params: Params) -> MatcherSets:
    """`match[]`."""
    try:
        return [parse_selector(text).matchers for text in params.all("match[]")]
    except ParseError as error:
        raise invalid_parameter("match[]", error.message) from error
