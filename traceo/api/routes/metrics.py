"""Metrics: names, series, points."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from traceo.api.answer import answer
from traceo.api.depends import Pairs, QueriesOf, Range, Tenant, parse_pairs
from traceo.api.routes.metric_answers import MetricRows, PointRows, SeriesRows
from traceo.errors import InvalidRequest
from traceo.query.metrics import SeriesSearch, list_metrics, list_series, read_points

router = APIRouter(tags=["metrics"])


@router.get("/metrics", response_model=MetricRows)
async def get_metrics(queries: QueriesOf, tenant: Tenant, between: Range) -> JSONResponse:
    """Every metric with points in the range: type, unit, description, number of series."""
    return answer({"metrics": await list_metrics(queries, tenant, between)})


@router.get("/metrics/series", response_model=SeriesRows)
async def find_series(
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    name: str = "",
    service: str = "",
    attr: Pairs = [],  # noqa: B006  (FastAPI copies it)
    resource: Pairs = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=100_000)] = 1000,
) -> JSONResponse:
    """Series by metric name and attributes."""
    search = SeriesSearch(between, name, (), service, parse_pairs(attr), parse_pairs(resource), limit)
    return answer({"series": await list_series(queries, tenant, search)})


@router.get("/metrics/points", response_model=PointRows)
async def get_points(
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    name: str = "",
    series_id: Annotated[list[str], Query(description="Decimal ids, as in /metrics/series")] = [],  # noqa: B006
    service: str = "",
    attr: Pairs = [],  # noqa: B006
    resource: Pairs = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=100_000, description="Points in all")] = 10_000,
) -> JSONResponse:
    """Raw points and exemplars of a metric or of chosen series; integers are exact."""
    if not name and not series_id:
        raise InvalidRequest("points need a name or a series_id")
    ids = tuple(_read_id(text) for text in series_id)
    search = SeriesSearch(between, name, ids, service, parse_pairs(attr), parse_pairs(resource), limit)
    return answer({"series": await read_points(queries, tenant, search, limit)})


def _read_id(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) >= 1 << 64:
        raise InvalidRequest(f"{text[:40]!r} is not a series id: a decimal number of 64 bits is")
    return int(text)
