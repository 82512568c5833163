"""Patterns of lines, from what is mined as they arrive (query/log_patterns.py), which is counted by service."""

from collections import Counter, defaultdict

from fastapi import APIRouter, Request, Response

from traceo.api.compat.loki.answer import LokiRoute, answer_data
from traceo.api.compat.loki.labels import GET_POST
from traceo.api.compat.loki.language import parse_selector
from traceo.api.compat.loki.params import ParamsOf, read_bounds, read_step
from traceo.api.compat.prometheus.waiting import while_connected
from traceo.api.depends import QueriesOf, Tenant
from traceo.errors import UnsupportedQuery
from traceo.query.log_patterns import PatternSearch, list_patterns
from traceo.query.log_streams import SERVICE, Matchers, find_streams, is_meant
from traceo.query.run import Queries
from traceo.query.sql import TimeRange

MAX_PATTERNS = 300
router = APIRouter(route_class=LokiRoute)
Patterns = dict[str, Counter[int]]


@router.api_route("/patterns", methods=GET_POST)
async def get_patterns(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Patterns with their numbers of lines in each step, most lines first."""
    between, matchers = read_bounds(params), parse_selector(params.get("query"))
    work = _read(queries, tenant, between, matchers, read_step(params, between))
    found = await while_connected(request, work)
    order = sorted(found.items(), key=lambda item: (-item[1].total(), item[0]))
    shown = [{"pattern": pattern, "samples": sorted(map(list, steps.items()))} for pattern, steps in order]
    return answer_data(shown)


async def _read(queries: Queries, tenant: str, between: TimeRange, matchers: Matchers, step_ns: int) -> Patterns:
    """Raises UnsupportedQuery for a part of a service, of which nobody has counted patterns."""
    streams = await find_streams(queries, tenant, between, [])
    meant = {stream.labels[SERVICE] for stream in streams if is_meant(matchers, stream.labels)}
    others = {stream.labels[SERVICE] for stream in streams if not is_meant(matchers, stream.labels)}
    if both := meant & others:
        raise UnsupportedQuery(
            f"patterns are counted by service, and the selector leaves out streams of {min(both)!r}: use {SERVICE}"
        )
    found: Patterns = defaultdict(Counter)
    if meant:
        search = PatternSearch(services=tuple(sorted(meant)), limit=MAX_PATTERNS)
        for row in await list_patterns(queries, tenant, between, search, step_ns):
            for time_ns, lines in row["points"]:
                found[row["template"]][time_ns // 10**9] += lines
    return found
