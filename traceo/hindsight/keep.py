"""Rewind: traces that still rest in the recent window are kept, whatever the policies say of them.

A row in `kept_traces` asks for it, and the sampler honours it: what is undecided is kept when it is due, and what was
dropped is rescued while its spans rest. An id may be asked for before its first span is here.
"""

from dataclasses import dataclass

from traceo.errors import InvalidRequest, LimitExceeded
from traceo.query.run import Queries, Row
from traceo.query.search import TraceSearch, span_conditions
from traceo.query.sql import Scope
from traceo.store.base import Store

MAX_TRACES = 100_000  # of one request
MAX_IDS = 10_000
MAX_REASON = 200
SHOWN = 100
KEPT = "kept"
WILL_BE_KEPT = "will be kept"
AWAITED = "awaited"
TOO_LATE = "too late"
STATES = {"already_kept": KEPT, "will_be_kept": WILL_BE_KEPT, "awaited": AWAITED, "too_late": TOO_LATE}
INSERT = "INSERT INTO kept_traces (tenant, trace_id, reason) "


@dataclass(frozen=True, slots=True)
class KeepRequest:
    """Which traces, by a search or by their ids (of any time: alerts and incidents link to them), and why."""

    search: TraceSearch | None = None
    trace_ids: tuple[bytes, ...] = ()
    reason: str = ""
    max_traces: int = MAX_TRACES


async def keep_traces(queries: Queries, store: Store, tenant: str, asked: KeepRequest) -> Row:
    """How many were found and what becomes of them. Raises InvalidRequest, LimitExceeded.

    `{"matched", "already_kept", "will_be_kept", "awaited", "too_late", "traces": [{"trace_id", "state"}, ...]}`;
    at most 100 traces are shown. Awaited are ids that nothing is known of: they are kept if their spans come while
    verdicts are remembered (`retention.decisions`). Too late are those that were dropped and have left the window.
    """
    _check(asked)
    scope = Scope(tenant, asked.search.between if asked.search and not asked.trace_ids else None)
    states = _select_states(scope, asked)
    counts = ", ".join(f"countIf(state = '{state}') AS {name}" for name, state in STATES.items())
    shown = f"arraySort(groupArraySorted({SHOWN})((state, trace_id))) AS shown"
    (row,) = await queries.rows(scope, f"SELECT count() AS matched, {counts}, {shown} FROM ({states})")
    wanted = row["will_be_kept"] + row["awaited"]
    if wanted > asked.max_traces:
        raise LimitExceeded(f"{wanted} traces match, more than {asked.max_traces}: choose a narrower filter")
    if wanted:
        chosen = f"SELECT {{tenant:String}}, trace_id, {scope.bind(asked.reason)} FROM ({states})"
        await store.execute(f"{INSERT}{chosen} WHERE state IN ('{WILL_BE_KEPT}', '{AWAITED}')", dict(scope.params))
    traces = [{"trace_id": item["2"].hex(), "state": item["1"].decode()} for item in row.pop("shown")]
    return {**row, "traces": traces}


def _check(asked: KeepRequest) -> None:
    if len(asked.reason) > MAX_REASON:
        raise InvalidRequest(f"reason: {len(asked.reason)} characters are more than {MAX_REASON}")
    if len(asked.trace_ids) > MAX_IDS:
        raise InvalidRequest(f"trace_ids: {len(asked.trace_ids)} are more than {MAX_IDS}")
    if bytes(16) in asked.trace_ids:
        raise InvalidRequest("trace_ids: zero is no trace's id")


def _select_states(scope: Scope, asked: KeepRequest) -> str:
    """SELECT trace_id, state of each trace that matches; one whose spans are stored, or will be, is kept already."""
    matched = _select_matched(scope, asked)
    anywhere = scope.without_time()
    among = f"trace_id IN (SELECT trace_id FROM ({matched}))"
    kept = " OR ".join(
        f"trace_id IN ({anywhere.select(table, 'trace_id', [*where, among])})"
        for table, where in (("spans", []), ("decisions", ["keep"]), ("kept_traces", []))
    )
    resting, judged = (
        f"trace_id IN ({anywhere.select(table, 'trace_id', [among])})" for table in ("spans_recent", "decisions")
    )
    state = f"multiIf({kept}, '{KEPT}', {resting}, '{WILL_BE_KEPT}', {judged}, '{TOO_LATE}', '{AWAITED}') AS state"
    return f"SELECT trace_id, {state} FROM ({matched})"


def _select_matched(scope: Scope, asked: KeepRequest) -> str:
    if asked.trace_ids or asked.search is None:
        return f"SELECT DISTINCT arrayJoin({scope.bind_ids(asked.trace_ids)}) AS trace_id"
    where = span_conditions(scope, asked.search)
    found = (scope.select(table, "trace_id", where) for table in ("spans", "spans_recent"))
    return f"SELECT DISTINCT trace_id FROM ({' UNION ALL '.join(found)})"
