"""Analysis of traces: critical paths, comparisons, heat maps of durations, groups of errors."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse

from traceo.api.answer import answer
from traceo.api.depends import Pairs, QueriesOf, Range, Tenant, parse_pairs
from traceo.api.routes.analysis_answers import AggregatePath, CriticalPath
from traceo.api.times import parse_duration
from traceo.query.analysis.aggregate import MAX_TRACES, read_aggregate
from traceo.query.analysis.selection import Selection
from traceo.query.analysis.trace import read_critical_path

router = APIRouter(tags=["analysis"])
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
) -> Selection:
    """Conditions on a span, as `GET /traces` has them."""
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
    )


Selected = Annotated[Selection, Depends(get_selection)]


@router.get("/traces/{trace_id}/critical-path", responses={200: {"model": CriticalPath}})
async def get_critical_path(
    trace_id: str,
    queries: QueriesOf,
    tenant: Tenant,
    root: Annotated[str, Query(description="The span whose end is explained; default: the root")] = "",
) -> JSONResponse:
    """What determined when a trace ended: at each moment, the span that the others waited for."""
    return answer(await read_critical_path(queries, tenant, trace_id, root))


@router.get("/analysis/critical-path", responses={200: {"model": AggregatePath}})
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
