"""Traces: the search, and one trace with everything in it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from traceo.api.answer import answer
from traceo.api.compress import compress_for
from traceo.api.depends import Pairs, QueriesOf, Range, Tenant, parse_pairs, read_cursor, write_cursor
from traceo.api.routes.trace_answers import TraceAnswer, TraceRows
from traceo.api.times import parse_duration
from traceo.query.search import TraceSearch, search_traces
from traceo.query.traces import parse_trace_id, read_trace

router = APIRouter(tags=["traces"])


@router.get("/traces", response_model=TraceRows)
async def find_traces(
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    service: str = "",
    operation: str = "",
    status: str = "",
    min_duration: str = "",
    max_duration: str = "",
    attr: Pairs = [],  # noqa: B006  (FastAPI copies it)
    resource: Pairs = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
    cursor: str = "",
) -> JSONResponse:
    """Traces with a span that meets all conditions, newest first."""
    page = await search_traces(
        queries,
        tenant,
        TraceSearch(
            between=between,
            service=service,
            operation=operation,
            status=status,
            min_duration_ns=parse_duration(min_duration) if min_duration else None,
            max_duration_ns=parse_duration(max_duration) if max_duration else None,
            attributes=parse_pairs(attr),
            resource=parse_pairs(resource),
            limit=limit,
            after=_read_after(cursor) if cursor else None,
        ),
    )
    after = write_cursor(page.after[0], page.after[1].hex()) if page.after else None
    return answer({"traces": page.traces, "next_cursor": after})


@router.get("/traces/{trace_id}", response_model=TraceAnswer)
async def get_trace(request: Request, trace_id: str, queries: QueriesOf, tenant: Tenant) -> Response:
    """One trace: spans with attributes, events and links decoded; resources and scopes by id."""
    return compress_for(request, answer(await read_trace(queries, tenant, trace_id)))


def _read_after(cursor: str) -> tuple[int, bytes]:
    at_ns, trace_id = read_cursor(cursor, (int, str))
    return at_ns, parse_trace_id(trace_id)
