"""Log records."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from traceo.api.answer import answer
from traceo.api.depends import Pairs, QueriesOf, Range, Tenant, parse_pairs, read_cursor, write_cursor
from traceo.query.logs import LogCursor, LogSearch, parse_severity, search_logs
from traceo.query.traces import parse_span_id, parse_trace_id

router = APIRouter(tags=["logs"])


class LogRow(BaseModel):
    """A log record; ids are lower-case hexadecimal."""

    time_ns: int
    observed_time_ns: int | None
    severity: int
    severity_text: str
    service: str
    event_name: str
    body: Any
    trace_id: str | None
    span_id: str | None
    flags: int
    attributes: dict[str, Any]
    resource_id: str
    dropped_attributes: int


class LogRows(BaseModel):
    """A page, newest first."""

    logs: list[LogRow]
    next_cursor: str | None


@router.get("/logs", response_model=LogRows)
async def find_logs(
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    text: Annotated[str, Query(description='Words that must all occur; "a phrase" in quotes')] = "",
    min_severity: Annotated[str, Query(description="trace, debug, info, warn, error, fatal, or 1 to 24")] = "",
    service: str = "",
    trace_id: str = "",
    span_id: str = "",
    attr: Pairs = [],  # noqa: B006  (FastAPI copies it)
    resource: Pairs = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    cursor: str = "",
) -> JSONResponse:
    """Log records that meet all conditions, newest first."""
    page = await search_logs(
        queries,
        tenant,
        LogSearch(
            between=between,
            text=text,
            min_severity=parse_severity(min_severity) if min_severity else 0,
            service=service,
            trace_id=parse_trace_id(trace_id) if trace_id else b"",
            span_id=parse_span_id(span_id) if span_id else b"",
            attributes=parse_pairs(attr),
            resource=parse_pairs(resource),
            limit=limit,
            after=_read_after(cursor) if cursor else None,
        ),
    )
    after = write_cursor(page.after.time_ns, page.after.place, page.after.shown) if page.after else None
    return answer({"logs": page.records, "next_cursor": after})


def _read_after(cursor: str) -> LogCursor:
    return LogCursor(*read_cursor(cursor, (int, int, int)))
