"""From one record to what lies around it: lines before and after, and links between the signals."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from traceo.api.answer import answer
from traceo.api.depends import QueriesOf, Range, Tenant
from traceo.api.times import parse_duration, parse_time
from traceo.errors import InvalidRequest
from traceo.query.links import links_of_resource, links_of_trace
from traceo.query.log_context import read_context
from traceo.query.traces import parse_span_id, parse_trace_id

router = APIRouter(tags=["logs"])

MAX_REACH_NS = 7 * 24 * 3600 * 10**9


class Context(BaseModel):
    """Records as in `/logs`, oldest first; `at` are those of the very nanosecond."""

    before: list[dict[str, Any]]
    at: list[dict[str, Any]]
    after: list[dict[str, Any]]


class OfService(BaseModel):
    """What one service has of a trace."""

    service: str
    errors: int
    first_time_ns: int
    last_time_ns: int
    spans: int | None = None
    records: int | None = None


class Exemplar(BaseModel):
    """A point of a metric that names the trace; `metric` and `labels` as Prometheus has them."""

    metric: str | None
    labels: dict[str, str]
    time_ns: int
    value: float
    span_id: str | None


class LinksOfTrace(BaseModel):
    """By service."""

    spans: list[OfService]
    logs: list[OfService]
    exemplars: list[Exemplar]


class LinksOfResource(BaseModel):
    """Counts in the range; the newest traces."""

    resource: dict[str, Any] | None
    spans: int
    logs: int
    metrics: list[str]
    trace_ids: list[str]


@router.get("/logs/context", response_model=Context)
async def get_context(
    queries: QueriesOf,
    tenant: Tenant,
    resource_id: Annotated[str, Query(description="Of the record, as /logs shows it")],
    time: Annotated[str, Query(description="Of the record, in nanoseconds; any time as in start")],
    before: Annotated[int, Query(ge=0, le=1000)] = 10,
    after: Annotated[int, Query(ge=0, le=1000)] = 10,
    reach: Annotated[str, Query(description="How far from the record at most; up to 7d")] = "1h",
) -> JSONResponse:
    """Lines of the same resource around a record."""
    reach_ns = min(parse_duration(reach), MAX_REACH_NS)
    if not reach_ns:
        raise InvalidRequest("reach: 0 reaches nothing, such as 1h is needed")
    number = _read_id(resource_id)
    found = await read_context(queries, tenant, number, parse_time(time), before=before, after=after, reach_ns=reach_ns)
    return answer(found)


@router.get("/links", response_model=LinksOfTrace | LinksOfResource)
async def get_links(
    queries: QueriesOf, tenant: Tenant, between: Range, trace_id: str = "", span_id: str = "", resource_id: str = ""
) -> JSONResponse:
    """What there is of a trace (or of one of its spans), or of a resource in the range, in each signal."""
    if bool(trace_id) == bool(resource_id) or (span_id and not trace_id):
        raise InvalidRequest("links are those of a trace_id, with a span_id or without, or of a resource_id")
    if resource_id:
        return answer(await links_of_resource(queries, tenant, _read_id(resource_id), between))
    span = parse_span_id(span_id) if span_id else b""
    return answer(await links_of_trace(queries, tenant, parse_trace_id(trace_id), span))


def _read_id(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) >= 1 << 64:
        raise InvalidRequest(f"{text[:40]!r} is not a resource id: a decimal number of 64 bits is")
    return int(text)
