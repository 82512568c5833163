"""What sampling did: sums over `sampling_ledger` by policy, service, verdict or day."""

from traceo.errors import InvalidRequest
from traceo.query.run import Queries, Row
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text

SEEN = ("kept", "dropped", "late_kept", "late_dropped", "forced", "would_drop")  # every span is one of them, once
RESCUED = "rescued"  # of those dropped before: what was had back on demand
VERDICTS = (*SEEN, RESCUED)
KEPT = ("kept", "late_kept", "forced", "would_drop", RESCUED)  # a dry run keeps what it would drop
UNITS = ("traces", "spans", "bytes", "logs", "log_bytes")
KEYS = {"policy": "policy", "service": "service", "verdict": "verdict", "day": "toString(toDate(minute))"}
DIVIDING = ("policy", "verdict")  # what was rescued was seen in another row than its own, among the dropped
SUMS = ", ".join(
    [
        *(f"sumIf({unit}, verdict != '{RESCUED}') AS seen_{unit}" for unit in UNITS),
        *(f"sumIf({unit}, verdict = '{verdict}') AS {verdict}_{unit}" for verdict in VERDICTS for unit in UNITS),
    ]
)


async def read_ledger(queries: Queries, tenant: str, between: TimeRange, by: str = "policy") -> Row:
    """`{"by", "rows": [...], "total"}`: each with its key, `seen`, every verdict and `share_kept` of each unit.

    Units are traces, spans, bytes (of spans), logs and log_bytes (of records that followed a verdict); a trace counts
    once for each service in it. `seen` is the sum of all verdicts but `rescued`, which are counted as dropped, too.
    By policy and by verdict those are another row's; so a row's shares are of what it saw and what it had back.
    Most bytes first, days in order.

    Raises InvalidRequest for a `by` that is none.
    """
    if by not in KEYS:
        raise InvalidRequest(f"by: {by[:40]!r} is none of {', '.join(KEYS)}")
    scope = Scope(tenant, between)
    order = "key" if by == "day" else "seen_bytes DESC, key"
    sql = scope.select("sampling_ledger", f"{KEYS[by]} AS key, {SUMS}", tail=f"GROUP BY key ORDER BY {order}")
    rows = await queries.rows(scope, sql)
    total = {name: sum(row[name] for row in rows) for name in rows[0] if name != "key"} if rows else {}
    return {
        "by": by,
        "rows": [{by: decode_text(row["key"]), **_show(row, by in DIVIDING)} for row in rows],
        "total": _show(total, False) if rows else None,
    }


def _show(row: Row, rescued_elsewhere: bool) -> Row:
    sums = {name: {unit: row[f"{name}_{unit}"] for unit in UNITS} for name in ("seen", *VERDICTS)}
    kept = {unit: sum(sums[verdict][unit] for verdict in KEPT) for unit in UNITS}
    whole = {unit: sums["seen"][unit] + (sums[RESCUED][unit] if rescued_elsewhere else 0) for unit in UNITS}
    shares = {unit: kept[unit] / whole[unit] if whole[unit] else None for unit in UNITS}
    return {**sums, "share_kept": shares}
