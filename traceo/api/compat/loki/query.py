"""Queries: lines of streams over a range, and expressions without streams at one moment."""

import time
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Request, Response

from traceo.api.compat.loki.answer import LokiRoute, answer_data
from traceo.api.compat.loki.encode import CATEGORIZE, group_lines, show_stats, wants_categories
from traceo.api.compat.loki.labels import GET_POST
from traceo.api.compat.loki.params import ParamsOf, RangeParams, read_range_params, read_time
from traceo.api.compat.prometheus.numbers import format_float
from traceo.api.compat.prometheus.query import options_of
from traceo.api.compat.prometheus.waiting import while_connected
from traceo.api.depends import QueriesOf, ServicesOf, Tenant
from traceo.errors import InvalidRequest, ParseError, UnsupportedQuery
from traceo.query.log_lines import Line, parse_lines, read_lines
from traceo.query.promql.evaluate import query_instant
from traceo.query.promql.parser import parse_promql

LOGS_AT_ONCE = "log queries are not supported as an instant query type, please change your query to a range query type"
router = APIRouter(route_class=LokiRoute)


@router.api_route("/query_range", methods=GET_POST)
async def get_range(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Lines of streams."""
    asked = read_range_params(params)
    check_is_lines(asked.query)
    began = time.perf_counter()
    work = read_lines(queries, tenant, parse_lines(asked.query), asked.between, asked.limit, forward=asked.forward)
    lines = thin_out(await while_connected(request, work), asked)
    categorize = wants_categories(request.headers)
    data: dict[str, Any] = {"resultType": "streams", "result": group_lines(lines, categorize=categorize)}
    if categorize:
        data["encodingFlags"] = [CATEGORIZE]
    size = sum(len(line.text) for line in lines)
    return answer_data({**data, "stats": show_stats(time.perf_counter() - began, len(lines), size)})


@router.api_route("/query", methods=GET_POST)
async def get_instant(
    request: Request, params: ParamsOf, services: ServicesOf, queries: QueriesOf, tenant: Tenant
) -> Response:
    """An expression without streams, such as Grafana's test of the connection: `vector(1)+vector(1)`.

    Of those, LogQL's are PromQL's, and mean the same.
    """
    text, at_ns = params.get("query"), read_time(params, "time", time.time_ns())
    if text.lstrip().startswith("{"):
        parse_lines(text)
        raise InvalidRequest(LOGS_AT_ONCE)
    check_is_lines(text, may_be_scalar=True)
    began = time.perf_counter()
    answer = await while_connected(
        request, query_instant(queries, tenant, text, at_ns // 10**6, options_of(services.config))
    )
    at = at_ns // 10**6 / 1000
    points = [[at, format_float(float(one.values[-1]))] for one in answer.series]
    labels = [dict(one.labels) for one in answer.series]
    found: Any = [{"metric": metric, "value": point} for metric, point in zip(labels, points, strict=True)]
    data = {"resultType": answer.kind, "result": points[0] if answer.kind == "scalar" else found}
    return answer_data({**data, "stats": show_stats(time.perf_counter() - began, 0, 0)})


def check_is_lines(text: str, *, may_be_scalar: bool = False) -> None:
    """Raises UnsupportedQuery for metrics of lines, ParseError for what is nothing."""
    start = text.lstrip()
    if not start:
        raise ParseError("1:1: parse error: unexpected $end", position=0)
    if start.startswith("{"):
        return
    if "{" in text or not may_be_scalar:
        raise UnsupportedQuery("metric queries can not be answered here, only lines of streams", position=0)
    parse_promql(text)


def thin_out(lines: Iterable[Line], asked: RangeParams) -> list[Line]:
    """Lines that are `interval` or more apart, stream by stream; without an interval, all."""
    if not asked.interval_ns:
        return list(lines)
    last: dict[tuple[tuple[str, str], ...], int] = {}
    kept = []
    for line in lines:
        stream = tuple(line.labels.items())
        if stream in last and abs(line.time_ns - last[stream]) < asked.interval_ns:
            continue
        last[stream] = line.time_ns
        kept.append(line)
    return kept
