"""Analysis of traces: critical paths, comparisons, heat maps of durations, groups of errors."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from traceo.api.answer import answer
from traceo.api.depends import Pairs, QueriesOf, Range, Tenant, parse_pairs
from traceo.api.routes.analysis_answers import AggregatePath, Comparison, CriticalPath, DurationMap, ErrorGroups
from traceo.api.times import parse_duration, parse_range
from traceo.query.analysis.aggregate import MAX_TRACES, read_aggregate
from traceo.query.analysis.compare import MAX_TRACES as MAX_COMPARED
from traceo.query.analysis.compare import compare_sets
from traceo.query.analysis.errors import ErrorSearch, list_errors
from traceo.query.analysis.heatmap import HeatMap, read_heatmap
from traceo.query.analysis.selection import Selection
from traceo.query.analysis.trace import read_critical_path

router = APIRouter(tags=["analysis"])
Traceql = Annotated[str, Query(description='A search in TraceQL: `{ span.region = "eu" }`')]
Quantile = Annotated[float, Query(ge=0, le=1)]


def get_selection(
    between: Range,
    service: str = "",
    operation: str = "",
    kind: str = "",
    status: str = "",
    min_duration: str = "",
    max_duration: str = "",
    attr: Pairs = [],  # noqa: B006  (FastAPI copies it)
    resource: Pairs = [],  # noqa: B006
    traceql: Traceql = "",
) -> Selection:
    """Conditions on a span, as `GET /traces` has them, and TraceQL; all of them hold."""
    return Selection(
        between=between,
        service=service,
        operation=operation,
        kind=kind,
        status=status,
        min_duration_ns=parse_duration(min_duration) if min_duration else None,
        max_duration_ns=parse_duration(max_duration) if max_duration else None,
        attributes=parse_pairs(attr),
        resource=parse_pairs(resource),
        traceql=traceql,
    )


Selected = Annotated[Selection, Depends(get_selection)]


@router.get("/traces/{trace_id}/critical-path", response_model=CriticalPath)
async def get_critical_path(
    trace_id: str,
    queries: QueriesOf,
    tenant: Tenant,
    root: Annotated[str, Query(description="The span whose end is explained; default: the root")] = "",
) -> JSONResponse:
    """What determined when a trace ended: at each moment, the span that the others waited for."""
    return answer(await read_critical_path(queries, tenant, trace_id, root))


@router.get("/analysis/critical-path", response_model=AggregatePath)
async def get_aggregate_path(
    queries: QueriesOf,
    tenant: Tenant,
    chosen: Selected,
    quantile: Quantile = 0.99,
    baseline: Quantile = 0.5,
    max_traces: Annotated[int, Query(ge=2, le=MAX_TRACES)] = MAX_TRACES,
) -> JSONResponse:
    """Where an operation's slow executions spend the time that its usual ones do not."""
    return answer(await read_aggregate(queries, tenant, chosen, quantile, baseline, max_traces))


@router.get("/analysis/heatmap", response_model=DurationMap)
async def get_heatmap(
    queries: QueriesOf,
    tenant: Tenant,
    chosen: Selected,
    columns: Annotated[int, Query(ge=1, le=500)] = 60,
    per_double: Annotated[int, Query(description="Cells from a duration to its double: 1, 2, 4, 8 or 16")] = 4,
    examples: bool = True,
) -> JSONResponse:
    """How many spans took how long, over time."""
    return answer(await read_heatmap(queries, tenant, HeatMap(chosen, columns, per_double, examples)))


@router.get("/errors", response_model=ErrorGroups)
async def get_errors(
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    service: str = "",
    operation: str = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    points: Annotated[int, Query(ge=1, le=500, description="Of the counts over time")] = 24,
) -> JSONResponse:
    """Errors in groups: exceptions by type and stack, failed spans without one by operation and message."""
    return answer(await list_errors(queries, tenant, ErrorSearch(between, service, operation, limit, points)))


class SpanFilter(BaseModel):
    """A trace is in the set when one of its spans meets all. Quantiles are of the durations of the spans that do."""

    model_config = ConfigDict(extra="forbid")

    service: str = ""
    operation: str = ""
    kind: str = ""
    status: str = ""
    min_duration_ms: float | None = Field(default=None, ge=0, le=1e12)
    max_duration_ms: float | None = Field(default=None, ge=0, le=1e12)
    min_quantile: float | None = Field(default=None, ge=0, le=1)
    max_quantile: float | None = Field(default=None, ge=0, le=1)
    attributes: dict[str, str] = {}
    resource: dict[str, str] = {}
    traceql: str = Field(default="", description="A search: the spans that it means, and that meet all else")
    start: str | None = Field(default=None, description="Of this set; default: that of the comparison")
    end: str | None = None


class CompareRequest(BaseModel):
    """Two sets of traces."""

    model_config = ConfigDict(extra="forbid")

    selection: SpanFilter
    baseline: SpanFilter
    start: str = Field(default="-1h", description="RFC 3339, unix seconds or nanoseconds, or relative: -1h")
    end: str = Field(default="now", description="Like start; not included")
    spans: Literal["trace", "matched"] = Field(default="trace", description="Which spans' attributes are compared")
    limit: int = Field(default=50, ge=1, le=1000)
    max_traces: int = Field(default=MAX_COMPARED, ge=2, le=MAX_COMPARED, description="Of each set")


@router.post("/analysis/compare", response_model=Comparison)
async def post_compare(body: CompareRequest, queries: QueriesOf, tenant: Tenant) -> JSONResponse:
    """What the traces of one set have that those of another have not: attributes, numbers, durations."""
    found = await compare_sets(
        queries,
        tenant,
        _to_selection(body.selection, body),
        _to_selection(body.baseline, body),
        whole=body.spans == "trace",
        limit=body.limit,
        max_traces=body.max_traces,
    )
    return answer(found)


def _to_selection(found: SpanFilter, body: CompareRequest) -> Selection:
    return Selection(
        between=parse_range(found.start or body.start, found.end or body.end),
        service=found.service,
        operation=found.operation,
        kind=found.kind,
        status=found.status,
        min_duration_ns=None if found.min_duration_ms is None else round(found.min_duration_ms * 1e6),
        max_duration_ns=None if found.max_duration_ms is None else round(found.max_duration_ms * 1e6),
        min_quantile=found.min_quantile,
        max_quantile=found.max_quantile,
        attributes=tuple(found.attributes.items()),
        resource=tuple(found.resource.items()),
        traceql=found.traceql,
    )
