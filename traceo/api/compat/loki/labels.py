"""Labels, their values, streams."""

from fastapi import APIRouter, Request, Response

from traceo.api.compat.loki.answer import LokiRoute, answer_data
from traceo.api.compat.loki.language import parse_selector
from traceo.api.compat.loki.params import HOUR_NS, ParamsOf, read_bounds
from traceo.api.compat.prometheus.waiting import while_connected
from traceo.api.depends import QueriesOf, Tenant
from traceo.errors import InvalidRequest
from traceo.query.log_streams import find_streams, list_label_names, list_label_values

LABELS_NS = 6 * HOUR_NS  # how far back labels are looked for
GET_POST = ["GET", "POST"]
router = APIRouter(route_class=LokiRoute)


@router.api_route("/labels", methods=GET_POST)
@router.api_route("/label", methods=GET_POST)
async def get_label_names(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Names of labels."""
    between, matchers = read_bounds(params, LABELS_NS), parse_selector(params.get("query"), may_be_open=True)
    return answer_data(await while_connected(request, list_label_names(queries, tenant, between, matchers)))


@router.api_route("/label/{name}/values", methods=GET_POST)
async def get_label_values(
    name: str, request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant
) -> Response:
    """Values of a label."""
    between, matchers = read_bounds(params, LABELS_NS), parse_selector(params.get("query"), may_be_open=True)
    return answer_data(await while_connected(request, list_label_values(queries, tenant, name, between, matchers)))


@router.api_route("/series", methods=GET_POST)
async def get_series(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Labels of each stream."""
    texts = [*params.all("match[]"), *params.all("match")]
    if not texts:
        raise InvalidRequest("0 matcher groups supplied")
    sets = [parse_selector(text, may_be_open=True) for text in texts]
    streams = await while_connected(request, find_streams(queries, tenant, read_bounds(params, LABELS_NS), sets))
    return answer_data([stream.labels for stream in streams])
