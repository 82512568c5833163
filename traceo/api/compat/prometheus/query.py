"""Queries: instant, range, exemplars; expressions laid out and as a tree."""

import asyncio
import itertools
import json
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response

from traceo.api.compat.prometheus.answer import TRUNCATED, PrometheusRoute, answer_json, answer_stream
from traceo.api.compat.prometheus.encode import encode_result
from traceo.api.compat.prometheus.labels import ParamsOf
from traceo.api.compat.prometheus.numbers import format_float
from traceo.api.compat.prometheus.params import MAX_TIME_MS, MIN_TIME_MS, Params, invalid_parameter
from traceo.api.compat.prometheus.tree import show_tree
from traceo.api.compat.prometheus.waiting import while_connected
from traceo.api.depends import QueriesOf, ServicesOf, Tenant
from traceo.api.services import ApiServices
from traceo.config import Config
from traceo.errors import InvalidRequest, ParseError, QueryTimeout
from traceo.query.exemplars import list_exemplars
from traceo.query.label_sets import selected_metrics
from traceo.query.promql.ast import Node
from traceo.query.promql.evaluate import query_instant, query_range
from traceo.query.promql.options import Options
from traceo.query.promql.parser import parse_promql
from traceo.query.promql.printer import format_promql
from traceo.query.promql.values import Answer

MAX_POINTS = 11_000
TOO_MANY_POINTS = (
    "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
)
NO_STEP = "zero or negative query resolution step widths are not accepted. Try a positive integer"
SMALL = 20_000  # points that are written in less time than it takes to hand them to a thread
TIMED_OUT = "query timed out in expression evaluation"
router = APIRouter(route_class=PrometheusRoute)


@router.api_route("/query", methods=["GET", "POST"])
async def get_instant(
    request: Request, params: ParamsOf, services: ServicesOf, queries: QueriesOf, tenant: Tenant
) -> Response:
    """The value of an expression at one moment."""
    at, limit = params.time("time", time.time_ns() // 10**6), params.limit()
    options = _options(params, services.config)
    text = _note_use(services, tenant, params)
    work = query_instant(queries, tenant, text, at, options)
    return await _answer(request, params, work, options, at, limit)


@router.api_route("/query_range", methods=["GET", "POST"])
async def get_range(
    request: Request, params: ParamsOf, services: ServicesOf, queries: QueriesOf, tenant: Tenant
) -> Response:
    """The values of an expression at every step of a range."""
    start, end, step, limit = *_steps(params), params.limit()
    options = _options(params, services.config)
    text = _note_use(services, tenant, params)
    work = query_range(queries, tenant, text, start, end, step, options)
    return await _answer(request, params, work, options, end, limit)


@router.api_route("/query_exemplars", methods=["GET", "POST"])
async def get_exemplars(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Exemplars of the series that an expression selects."""
    start, end = params.time("start", MIN_TIME_MS), params.time("end", MAX_TIME_MS)
    if end < start:
        raise InvalidRequest("end timestamp must not be before start timestamp")
    found = await while_connected(request, list_exemplars(queries, tenant, params.get("query"), start, end))
    for point in itertools.chain.from_iterable(row["exemplars"] for row in found):
        point["timestamp"] = point.pop("time_ms") / 1000
        point["value"] = format_float(point["value"])
    return answer_json(found)


@router.api_route("/format_query", methods=["GET", "POST"])
async def get_formatted(params: ParamsOf, _: Tenant) -> Response:
    """An expression, laid out."""
    return answer_json(format_promql(_parse(params)))


@router.api_route("/parse_query", methods=["GET", "POST"])
async def get_tree(params: ParamsOf, _: Tenant) -> Response:
    """An expression as a tree."""
    return answer_json(show_tree(_parse(params)))


def _parse(params: Params) -> Node:
    try:
        return parse_promql(params.get("query"))
    except ParseError as error:
        raise invalid_parameter("query", error.message) from error


def _note_use(services: ApiServices, tenant: str, params: Params) -> str:
    """The expression's text, which is one; the metrics that it selects count as asked for."""
    services.usage.record(tenant, selected_metrics(_parse(params)))
    return params.get("query")


def _steps(params: Params) -> tuple[int, int, int]:
    """Start, end and step in milliseconds."""
    start, end = params.time("start"), params.time("end")
    if end < start:
        raise invalid_parameter("end", "end timestamp must not be before start time")
    step = params.duration("step")
    if step <= 0:
        raise invalid_parameter("step", NO_STEP)
    if (end - start) // step > MAX_POINTS:
        raise InvalidRequest(TOO_MANY_POINTS)
    return start, end, step


def options_of(config: Config) -> Options:
    """The limits of the configuration."""
    return Options(
        lookback_ms=round(config.promql.lookback * 1000),
        max_samples=config.promql.max_samples,
        timeout_s=config.query.timeout,
        max_memory_bytes=config.query.max_memory,
    )


def _options(params: Params, config: Config) -> Options:
    """A request may shorten its time, and choose its lookback; 0 is that of the configuration, as in Prometheus."""
    timeout_s = min(config.query.timeout, params.duration("timeout", round(config.query.timeout * 1000)) / 1000)
    options = options_of(config)
    lookback_ms = params.duration("lookback_delta", 0)
    lookback_ms = lookback_ms if lookback_ms > 0 else options.lookback_ms
    return replace(options, lookback_ms=lookback_ms, timeout_s=timeout_s, use_kept=params.get("nocache") != "1")


async def _answer(
    request: Request, params: Params, work: Coroutine[Any, Any, Answer], options: Options, at_ms: int, limit: int
) -> Response:
    begin = time.perf_counter()
    answer = await _within(options.timeout_s, while_connected(request, work))
    seconds = time.perf_counter() - begin
    series, warnings = answer.series, list(answer.warnings)
    if limit and len(series) > limit:
        series, warnings = series[:limit], [*warnings, TRUNCATED]
    points = sum(len(one.times_ms) for one in series)
    stats = _show_stats(seconds, points) if params.get("stats") else ""
    head = f'{{"resultType":"{answer.kind}","result":'.encode()
    data = itertools.chain([head], encode_result(answer, series, at_ms), [f"{stats}}}".encode()])
    return answer_stream(data, warnings, answer.infos, small=points < SMALL)


async def _within(timeout_s: float, work: Coroutine[Any, Any, Answer]) -> Answer:
    try:
        async with asyncio.timeout(timeout_s):
            return await work
    except TimeoutError as error:
        raise QueryTimeout(TIMED_OUT) from error


def _show_stats(seconds: float, points: int) -> str:
    """`stats` of the data: the engine does not tell how its time was spent."""
    timings = {"evalTotalTime": seconds, "resultSortTime": 0, "queryPreparationTime": 0, "innerEvalTime": seconds}
    timings |= {"execQueueTime": 0, "execTotalTime": seconds}
    samples = {"totalQueryableSamples": points, "peakSamples": points}
    return f',"stats":{json.dumps({"timings": timings, "samples": samples})}'
