"""Queries: lines and metrics over a range, metrics at one moment."""

import time
from collections.abc import Iterable
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from traceo.api.compat.loki.answer import LokiRoute, answer_data
from traceo.api.compat.loki.encode import CATEGORIZE, group_lines, show_stats, wants_categories
from traceo.api.compat.loki.labels import GET_POST
from traceo.api.compat.loki.language import parse_query, placed
from traceo.api.compat.loki.params import (
    ParamsOf,
    RangeParams,
    on_steps,
    read_forward,
    read_limit,
    read_range_params,
    read_time,
)
from traceo.api.compat.prometheus.encode import encode_result
from traceo.api.compat.prometheus.waiting import while_connected
from traceo.api.depends import QueriesOf, Tenant
from traceo.errors import InvalidRequest
from traceo.query.logql.ast import Pipeline
from traceo.query.logql.evaluate import Line, LogAnswer, query_logs
from traceo.query.logql.printer import print_query
from traceo.query.promql.values import Answer
from traceo.query.sql import TimeRange

LOGS_AT_ONCE = "log queries are not supported as an instant query type, please change your query to a range query type"
router = APIRouter(route_class=LokiRoute)


@router.api_route("/query_range", methods=GET_POST)
async def get_range(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Lines of streams, or a metric at every step."""
    asked = read_range_params(params)
    lines_only = isinstance(parse_query(asked.query), Pipeline)
    between = asked.between if lines_only else on_steps(asked.between, asked.step_ns)
    began = time.perf_counter()
    work = query_logs(
        queries, tenant, asked.query, between, limit=asked.limit, forward=asked.forward, step_ns=asked.step_ns
    )
    with placed(asked.query):
        answer = await while_connected(request, work)
    if answer.kind != "streams":
        return _answer_metrics(answer, between.end_ns, began)
    lines = thin_out(answer.lines, asked)
    categorize = wants_categories(request.headers)
    data: dict[str, Any] = {"resultType": "streams", "result": group_lines(lines, categorize=categorize)}
    if categorize:
        data["encodingFlags"] = [CATEGORIZE]
    size = sum(len(line.text) for line in lines)
    return answer_data({**data, "stats": show_stats(time.perf_counter() - began, len(lines), size)})


@router.api_route("/query", methods=GET_POST)
async def get_instant(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """A metric at one moment."""
    text, at_ns = params.get("query"), read_time(params, "time", time.time_ns())
    read_limit(params)
    read_forward(params)
    if isinstance(parse_query(text), Pipeline):
        raise InvalidRequest(LOGS_AT_ONCE)
    began = time.perf_counter()
    with placed(text):
        work = query_logs(queries, tenant, text, TimeRange(at_ns - 1, at_ns), instant=True)
        answer = await while_connected(request, work)
    return _answer_metrics(answer, at_ns, began)


@router.api_route("/format_query", methods=GET_POST)
async def get_formatted(params: ParamsOf, _: Tenant) -> Response:
    """A query, laid out."""
    return answer_data(print_query(parse_query(params.get("query"))))


def _answer_metrics(answer: LogAnswer, at_ns: int, began: float) -> Response:
    series = answer.series
    assert answer.kind != "streams"
    pieces = encode_result(Answer(answer.kind, series), series, at_ns // 10**6)
    stats = show_stats(time.perf_counter() - began, 0, 0)
    return answer_data(
        {"resultType": answer.kind, "result": orjson.Fragment(b"".join(pieces)), "stats": stats},
        warnings=answer.warnings,
    )


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
