"""Log patterns: templates with counts over time, and what two ranges differ in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from traceo.api.answer import answer
from traceo.api.depends import QueriesOf, Range, Tenant
from traceo.api.times import parse_duration, parse_range
from traceo.query.log_patterns import PatternSearch, compare_patterns, list_patterns
from traceo.query.logs import parse_severity

router = APIRouter(tags=["logs"])


class Pattern(BaseModel):
    """A template of log lines; `<_>` stands for what varies, alone for all lines without a template."""

    pattern: str
    service: str
    template: str
    example: str
    first_seen_ns: int | None


class CountedPattern(Pattern):
    """With its lines in the range; `points` are `[time_ns, lines]`."""

    level: str
    lines: int
    last_seen_ns: int
    points: list[tuple[int, int]]


class ComparedPattern(Pattern):
    """With its lines a minute in each range."""

    before: float
    after: float


class Patterns(BaseModel):
    """Most lines first."""

    patterns: list[CountedPattern]


class Differences(BaseModel):
    """What changed most first."""

    new: list[ComparedPattern]
    vanished: list[ComparedPattern]
    changed: list[ComparedPattern]


def get_search(
    service: Annotated[list[str], Query(description="May be repeated")] = [],  # noqa: B006  (FastAPI copies it)
    min_severity: Annotated[str, Query(description="trace, debug, info, warn, error, fatal, or 1 to 24")] = "",
    text: Annotated[str, Query(description="A part of the template", max_length=1000)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> PatternSearch:
    """What both routes ask for."""
    return PatternSearch(tuple(service), parse_severity(min_severity) if min_severity else 0, text, limit)


Search = Annotated[PatternSearch, Depends(get_search)]


@router.get("/logs/patterns", response_model=Patterns)
async def find_patterns(
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    search: Search,
    step: Annotated[str, Query(description="Of the points; whole minutes")] = "1m",
) -> JSONResponse:
    """Patterns with lines in the range, most lines first, with their counts over time."""
    return answer({"patterns": await list_patterns(queries, tenant, between, search, parse_duration(step))})


@router.get("/logs/patterns/compare", response_model=Differences)
async def compare(
    queries: QueriesOf,
    tenant: Tenant,
    between: Range,
    search: Search,
    before_start: Annotated[str, Query(description="Begin of the range to compare with")] = "-2h",
    before_end: Annotated[str, Query(description="Its end; not included")] = "-1h",
) -> JSONResponse:
    """Which patterns are new, have vanished, or come more or less often than before."""
    before = parse_range(before_start, before_end)
    return answer(await compare_patterns(queries, tenant, before, between, search))
