"""Sampling after the fact: policies tried out, traces kept that have happened, the ledger."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from traceo.api.answer import answer
from traceo.api.depends import Admin, QueriesOf, Range, ServicesOf, Tenant
from traceo.api.routes.sampling_answers import KeepAnswer, LedgerAnswer, SimulateAnswer
from traceo.api.times import parse_range
from traceo.errors import InvalidRequest
from traceo.hindsight.keep import KeepRequest, keep_traces
from traceo.hindsight.simulate import Simulation, simulate
from traceo.query.ledger import read_ledger
from traceo.query.search import TraceSearch
from traceo.query.traces import parse_trace_id
from traceo.sampling.budgets import Terms

router = APIRouter(prefix="/sampling", tags=["sampling"])
START = Field(default="-1h", description="RFC 3339, unix seconds or nanoseconds, or relative: -1h")
END = Field(default="now", description="Like start; not included")


class SimulateRequest(BaseModel):
    """A policy set, and what to try it out on."""

    model_config = ConfigDict(extra="forbid")

    document: str = Field(description="The policy set in YAML", max_length=1 << 20)
    start: str = START
    end: str = END
    source: Literal["recent", "stored"] = Field(default="recent", description="All that rests, or what was kept")
    slow_ms: float | None = Field(default=None, ge=0, le=1e12, description="A trace is slow; default: its root's p99")
    price_per_gib: float | None = Field(default=None, ge=0, description="Of a stored GiB, in any currency")
    min_requests: int = Field(default=1000, ge=0, le=1 << 62, description="Operations with more have their figures")


class TraceFilter(BaseModel):
    """What `GET /traces` takes; a trace is found when one of its spans meets all."""

    model_config = ConfigDict(extra="forbid")

    service: str = ""
    operation: str = ""
    status: str = ""
    min_duration_ms: float | None = Field(default=None, ge=0, le=1e12)
    attributes: dict[str, str] = {}
    resource: dict[str, str] = {}


class KeepBody(BaseModel):
    """Which traces to keep: a filter, or ids."""

    model_config = ConfigDict(extra="forbid")

    filter: TraceFilter | None = None
    trace_ids: list[str] = []
    start: str = START
    end: str = END
    reason: str = Field(default="", description="Shown with the traces")


@router.post("/simulate", response_model=SimulateAnswer)
async def post_simulate(
    body: SimulateRequest, queries: QueriesOf, services: ServicesOf, tenant: Tenant
) -> JSONResponse:
    """What a policy set would have kept, cost and lost, and how right figures would be that are read from the rest."""
    asked = Simulation(
        document=body.document,
        between=parse_range(body.start, body.end),
        source=body.source,
        slow_ms=body.slow_ms,
        price_per_gib=body.price_per_gib,
        min_requests=body.min_requests,
    )
    return answer(await simulate(queries, tenant, asked, Terms.of(services.config.sampling)))


@router.post("/keep", response_model=KeepAnswer)
async def post_keep(body: KeepBody, queries: QueriesOf, services: ServicesOf, caller: Admin) -> JSONResponse:
    """Keep traces that still rest in the recent window."""
    if (body.filter is None) == (not body.trace_ids):
        raise InvalidRequest("keep needs either a filter or trace_ids")
    found = body.filter or TraceFilter()
    search = TraceSearch(
        between=parse_range(body.start, body.end),
        service=found.service,
        operation=found.operation,
        status=found.status,
        min_duration_ns=None if found.min_duration_ms is None else int(found.min_duration_ms * 1e6),
        attributes=tuple(found.attributes.items()),
        resource=tuple(found.resource.items()),
    )
    asked = KeepRequest(search, tuple(parse_trace_id(text) for text in body.trace_ids), body.reason)
    return answer(await keep_traces(queries, services.store, caller.tenant, asked))


@router.get("/ledger", response_model=LedgerAnswer)
async def get_ledger(
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    by: Annotated[str, Query(description="policy, service, verdict or day")] = "policy",
) -> JSONResponse:
    """What was seen, kept and dropped, in traces, spans and bytes."""
    return answer(await read_ledger(queries, tenant, between, by))
