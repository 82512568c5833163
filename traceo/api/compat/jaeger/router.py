"""Every route of the Jaeger API, under `/jaeger/api`."""

import asyncio
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.datastructures import QueryParams

from traceo import errors
from traceo.api.compat.jaeger.encode import show_trace
from traceo.api.compat.jaeger.params import DAY_NS, query_of, read_limit, read_range
from traceo.api.compat.loki.answer import answer_error as loki_error
from traceo.api.compat.prometheus.waiting import while_connected
from traceo.api.compat.route import CompatRoute
from traceo.api.depends import QueriesOf, Tenant
from traceo.api.times import parse_time
from traceo.query.otlp_json import read_otlp_json
from traceo.query.run import Queries
from traceo.query.services import list_edges, list_operations, list_services
from traceo.query.sql import TimeRange
from traceo.query.traceql.search import search_traces
from traceo.query.traces import read_trace

KNOWN_NS = 7 * DAY_NS  # how far back services and operations are looked for
READS_AT_ONCE = 4
PASSED_ON = ("retry-after", "www-authenticate")


def _answer_error(error: errors.TraceoError) -> Response:
    told = loki_error(error)  # for its status and headers
    headers = {name: told.headers[name] for name in PASSED_ON if name in told.headers}
    return _failed(told.status_code, error.message, headers)


class JaegerRoute(CompatRoute):
    """A route whose errors have Jaeger's shape."""

    failed = staticmethod(_answer_error)


# Its contract is Jaeger's, not this API's OpenAPI.
router = APIRouter(prefix="/jaeger/api", include_in_schema=False, route_class=JaegerRoute)


def _answer(data: list[Any] | None, total: int = 0, problems: list[dict[str, Any]] | None = None) -> bytes:
    return orjson.dumps({"data": data, "total": total, "limit": 0, "offset": 0, "errors": problems})


def _json(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, headers, "application/json")


def _failed(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return _json(_answer(None, problems=[{"code": status, "msg": message}]), status, headers)


def _known() -> TimeRange:
    end = parse_time("now") + 10**9
    return TimeRange(end - KNOWN_NS, end)


@router.get("/services")
async def get_services(queries: QueriesOf, tenant: Tenant) -> Response:
    """Names of services."""
    names = sorted(row["service"] for row in await list_services(queries, tenant, _known()))
    return _json(_answer(names, len(names)))


@router.get("/services/{service}/operations")
async def get_operation_names(service: str, queries: QueriesOf, tenant: Tenant) -> Response:
    """Names of a service's operations."""
    names = sorted({row["operation"] for row in await list_operations(queries, tenant, service, _known())})
    return _json(_answer(names, len(names)))


@router.get("/operations")
async def get_operations(request: Request, queries: QueriesOf, tenant: Tenant) -> Response:
    """Operations with their kinds."""
    found = await _operations(queries, tenant, request.query_params)
    return _json(_answer(found, len(found)))


async def _operations(queries: Queries, tenant: str, asked: QueryParams) -> list[dict[str, str]]:
    service, kind = asked.get("service", ""), asked.get("spanKind", asked.get("span_kind", ""))
    if not service:
        raise errors.InvalidRequest("parameter 'service' is required")
    rows = await list_operations(queries, tenant, service, _known())
    return [
        {"name": row["operation"], "spanKind": row["kind"]}
        for row in sorted(rows, key=lambda row: (row["operation"], row["kind"]))
        if kind in ("", row["kind"])
    ]


@router.get("/traces/{trace_id}")
async def get_trace(trace_id: str, queries: QueriesOf, tenant: Tenant) -> Response:
    """One trace."""
    return _json(_answer([await asyncio.to_thread(show_trace, await read_trace(queries, tenant, trace_id))]))


@router.get("/traces")
async def get_traces(request: Request, queries: QueriesOf, tenant: Tenant) -> Response:
    """Traces of a search, or those of the ids that are named."""
    asked = request.query_params
    ids = asked.getlist("traceID")
    if ids:
        return await _named(ids[: read_limit(asked)], queries, tenant)
    ids = await while_connected(request, _search(queries, tenant, asked))
    return await _named(ids, queries, tenant)


async def _search(queries: Queries, tenant: str, asked: QueryParams) -> list[str]:
    found = await search_traces(queries, tenant, query_of(asked), read_range(asked), limit=read_limit(asked))
    return [trace.trace_id for trace in found.traces]


async def _named(ids: list[str], queries: Queries, tenant: str) -> Response:
    """Those that are there; the others are errors beside them."""
    places = asyncio.Semaphore(READS_AT_ONCE)

    async def read(trace_id: str) -> Any:
        async with places:
            try:
                return await asyncio.to_thread(show_trace, await read_trace(queries, tenant, trace_id))
            except errors.NotFound as error:
                return error

    made = await asyncio.gather(*(read(trace_id) for trace_id in ids))
    missing = [
        {"code": 404, "msg": error.message, "traceID": trace_id}
        for trace_id, error in zip(ids, made, strict=True)
        if isinstance(error, errors.NotFound)
    ]
    return _json(_answer([each for each in made if isinstance(each, dict)], 0, missing or None))


@router.get("/dependencies")
async def get_dependencies(request: Request, queries: QueriesOf, tenant: Tenant) -> Response:
    """Who calls whom. `endTs` and `lookback` are milliseconds."""
    asked = request.query_params
    for name in ("endTs", "lookback"):
        if asked.get(name, "") and not asked[name].isdecimal():
            raise errors.InvalidRequest(f"unable to parse param '{name}': {asked[name][:40]!r} is no number")
    end = int(asked.get("endTs") or parse_time("now") // 10**6 + 1000) * 10**6
    length = int(asked.get("lookback") or DAY_NS // 10**6) * 10**6
    edges = await list_edges(queries, tenant, TimeRange(end - length, end))
    calls: dict[tuple[str, str], int] = {}
    for edge in edges:
        key = edge["client"], edge["server"]
        calls[key] = calls.get(key, 0) + edge["requests"]
    found = [{"parent": client, "child": server, "callCount": count} for (client, server), count in calls.items()]
    return _json(_answer(found, len(found)))


@router.get("/v3/services")
async def get_services_v3(queries: QueriesOf, tenant: Tenant) -> Response:
    """Names of services."""
    names = sorted(row["service"] for row in await list_services(queries, tenant, _known()))
    return _json(orjson.dumps({"services": names}))


@router.get("/v3/operations")
async def get_operations_v3(request: Request, queries: QueriesOf, tenant: Tenant) -> Response:
    """Operations with their kinds."""
    return _json(orjson.dumps({"operations": await _operations(queries, tenant, request.query_params)}))


@router.get("/v3/traces/{trace_id}")
async def get_trace_v3(trace_id: str, queries: QueriesOf, tenant: Tenant) -> Response:
    """One trace as OTLP."""
    spans = await read_otlp_json(queries, tenant, trace_id)
    return _json(orjson.dumps({"result": {"resourceSpans": spans}}))
