"""Which spans a question is about: conditions on one span, values bound."""

from dataclasses import dataclass, replace

from traceo.errors import InvalidRequest
from traceo.query.run import Queries
from traceo.query.search import STATUS_CODES
from traceo.query.services import KINDS
from traceo.query.sql import RECENT_SINCE, Scope, TimeRange, adjusted_count_of
from traceo.query.traceql.meant import Meant, find_meant

KIND_CODES = {name: code for code, name in KINDS.items()}
MAX_PAIRS = 50


@dataclass(frozen=True, slots=True)
class Selection:
    """An empty field asks for nothing. Quantiles are of the durations of spans that meet all else.

    `traceql` is a search; `meant` is what it means, once that was found.
    """

    between: TimeRange
    service: str = ""
    operation: str = ""
    kind: str = ""
    status: str = ""
    min_duration_ns: int | None = None
    max_duration_ns: int | None = None
    min_quantile: float | None = None
    max_quantile: float | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    resource: tuple[tuple[str, str], ...] = ()
    traceql: str = ""
    meant: Meant | None = None


def conditions(scope: Scope, chosen: Selection) -> list[str]:
    """SQL over the columns of `spans`; the selection MUST be resolved."""
    where = []
    if chosen.service:
        where.append(f"service = {scope.bind(chosen.service)}")
    if chosen.operation:
        where.append(f"name = {scope.bind(chosen.operation)}")
    if chosen.kind:
        where.append(f"kind = {_code(KIND_CODES, chosen.kind, 'kind')}")
    if chosen.status:
        where.append(f"status_code = {_code(STATUS_CODES, chosen.status, 'status')}")
    if chosen.min_duration_ns is not None:
        where.append(f"duration_ns >= {scope.bind(chosen.min_duration_ns)}")
    if chosen.max_duration_ns is not None:
        where.append(f"duration_ns <= {scope.bind(chosen.max_duration_ns)}")
    if len(chosen.attributes) + len(chosen.resource) > MAX_PAIRS:
        raise InvalidRequest(f"more than {MAX_PAIRS} attributes in one filter")
    where += [scope.has_attribute(key, value) for key, value in chosen.attributes]
    if chosen.meant:
        where.append(f"({chosen.meant.condition(scope)})")
    return [*where, scope.without_time().has_resource(chosen.resource)] if chosen.resource else where


async def resolve(queries: Queries, tenant: str, chosen: Selection, recent: frozenset[str]) -> Selection:
    """The same with what its TraceQL means, and with durations instead of quantiles.

    Raises ParseError, UnsupportedQuery, LimitExceeded.
    """
    if chosen.traceql:
        chosen = replace(chosen, meant=await find_meant(queries, tenant, chosen.traceql, chosen.between, recent))
    asked = [quantile for quantile in (chosen.min_quantile, chosen.max_quantile) if quantile is not None]
    if not asked:
        return chosen
    plain = replace(chosen, min_quantile=None, max_quantile=None)
    scope = Scope(tenant, chosen.between, recent=recent)
    levels = ", ".join(str(float(quantile)) for quantile in asked)
    spans = scope.select_spans("duration_ns, received_at, threshold", conditions(scope, plain))
    weight = f"toUInt64(round({weight_of(recent)} * 1000))"
    sql = f"SELECT quantilesExactWeighted({levels})(duration_ns, {weight}) AS levels FROM ({spans})"
    found = [int(value) for value in (await queries.rows(scope, sql))[0]["levels"]]
    least, most = chosen.min_duration_ns, chosen.max_duration_ns
    if chosen.min_quantile is not None:
        least = max(found[0], least or 0)
    if chosen.max_quantile is not None:
        most = found[-1] if most is None else min(found[-1], most)
    return replace(plain, min_duration_ns=least, max_duration_ns=most)


def weight_of(recent: frozenset[str]) -> str:
    """SQL over `threshold` and `received_at`: how many spans one stands for; 1 while all of its kind rest here."""
    weight = adjusted_count_of("threshold")
    return f"if(received_at >= ({RECENT_SINCE}), 1, {weight})" if "spans_recent" in recent else weight


def _code(codes: dict[str, int], name: str, what: str) -> int:
    if name not in codes:
        raise InvalidRequest(f"{what} {name[:80]!r} is none of {', '.join(codes)}")
    return codes[name]
