"""Rate, errors and duration of the calls from one node of the map to another, over time."""

from traceo.errors import InvalidRequest
from traceo.query.red import steps_of
from traceo.query.run import Queries, Row
from traceo.query.service_map import ENDS
from traceo.query.services import QUANTILES, QUANTILES_MS
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text


async def read_edge_red(
    queries: Queries, tenant: str, between: TimeRange, source: str, target: str, points: int = 60
) -> Row:
    """`{"start", "step_s", "series": [{"kind", "requests", "errors", "p50_ms", ...}]}`, as `read_red`: a row a kind.

    `source` and `target` are ids of nodes. Raises InvalidRequest for texts that are none, and for ends of which the
    one cannot call the other.
    """
    (source_type, client), (target_type, server) = _read_id(source), _read_id(target)
    kinds = [kind for kind, ends in ENDS.items() if ends == (source_type, target_type)]
    if not kinds:
        raise InvalidRequest(f"there are no calls from a {source_type} to a {target_type}")
    start, step_s, columns = steps_of(between, points)
    scope = Scope(tenant, TimeRange(start * 10**9, between.end_ns))
    where = [
        f"client = {scope.bind(client)}",
        f"server = {scope.bind(server)}",
        f"kind IN ({', '.join(map(scope.bind, kinds))})",
    ]
    slot = f"intDiv(toUnixTimestamp(minute) - {scope.bind(start)}, {scope.bind(step_s)}) AS slot"
    sums = f"kind, {slot}, sum(calls) AS requests, sum(errors) AS failed, {QUANTILES_MS} AS quantiles_ms"
    tail = "GROUP BY kind, slot ORDER BY kind, slot"
    series: dict[str, Row] = {}
    for row in await queries.rows(scope, scope.select("service_edges", sums, where, tail, alias="edges FINAL")):
        known = series.setdefault(decode_text(row["kind"]), _no_calls(columns))
        known["requests"][row["slot"]], known["errors"][row["slot"]] = row["requests"], row["failed"]
        for name, quantile in zip(QUANTILES, row["quantiles_ms"], strict=True):
            known[name][row["slot"]] = quantile
    return {"start": start, "step_s": step_s, "series": [{"kind": kind, **found} for kind, found in series.items()]}


def _read_id(text: str) -> tuple[str, str]:
    kind, colon, name = text.partition(":")
    if not colon or not any(kind in ends for ends in ENDS.values()):
        raise InvalidRequest(f"{text[:80]!r} is not the id of a node: service:cart and database:redis are")
    return kind, name


def _no_calls(columns: int) -> Row:
    return {"requests": [0] * columns, "errors": [0] * columns, **{name: [None] * columns for name in QUANTILES}}
