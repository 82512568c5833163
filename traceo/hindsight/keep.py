"""Rewind: traces that still rest in the recent window are kept, whatever the policies say of them.

A row in `kept_traces` asks for it, and the sampler honours it: what is undecided is kept when it is due, and what was
dropped is rescued while its spans rest.
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
TOO_LATE = "too late"
INSERT = "INSERT INTO kept_traces (tenant, trace_id, reason) "


@dataclass(frozen=True, slots=True)
class KeepRequest:
    """Which traces, by a search or by their ids (then at any time), and why."""

    search: TraceSearch
    trace_ids: tuple[bytes, ...] = ()
    reason: str = ""
    max_traces: int = MAX_TRACES


async def keep_traces(queries: Queries, store: Store, tenant: str, asked: KeepRequest) -> Row:
    """How many were found and what becomes of them. Raises InvalidRequest, LimitExceeded.

    `{"matched", "already_kept", "will_be_kept", "too_late", "traces": [{"trace_id", "state"}, ...]}`; at most 100
    traces are shown. Too late are ids of which no span is there any more: a search does not find what has gone.
    """
    _check(asked)
    scope = Scope(tenant, None if asked.trace_ids else asked.search.between)
    states = _select_states(scope, asked)
    counts = ", ".join(
        f"countIf(state = '{state}') AS {name}"
        for name, state in (("already_kept", KEPT), ("will_be_kept", WILL_BE_KEPT), ("too_late", TOO_LATE))
    )
    shown = f"arraySort(groupArraySorted({SHOWN})((state, trace_id))) AS shown"
    (row,) = await queries.rows(scope, f"SELECT count() AS matched, {counts}, {shown} FROM ({states})")
    if row["will_be_kept"] > asked.max_traces:
        raise LimitExceeded(
            f"{row['will_be_kept']} traces match, more than {asked.max_traces}: choose a narrower filter"
        )
    if row["will_be_kept"]:
        chosen = f"SELECT {{tenant:String}}, trace_id, {scope.bind(asked.reason)} FROM ({states})"
        await store.execute(f"{INSERT}{chosen} WHERE state = '{WILL_BE_KEPT}'", dict(scope.params))
    traces = [{"trace_id": item["2"].hex(), "state": item["1"]} for item in row.pop("shown")]
    return {**row, "traces": traces}


def _check(asked: KeepRequest) -> None:
    if len(asked.reason) > MAX_REASON:
        raise InvalidRequest(f"reason: {len(asked.reason)} characters are more than {MAX_REASON}")
    if len(asked.trace_ids) > MAX_IDS:
        raise InvalidRequest(f"trace_ids: {len(asked.trace_ids)} are more than {MAX_IDS}")


def _select_states(scope: Scope, asked: KeepRequest) -> str:
    """SELECT trace_id, state of each trace that matches; one whose spans are stored, or will be, is kept already."""
    matched = _select_matched(scope, asked)
    anywhere = scope.without_time()
    among = f"trace_id IN (SELECT trace_id FROM ({matched}))"
    kept = " OR ".join(
        f"trace_id IN ({anywhere.select(table, 'trace_id', [*where, among])})"
        for table, where in (("spans", []), ("decisions", ["keep"]), ("kept_traces", []))
    )
    resting = f"trace_id IN ({anywhere.select('spans_recent', 'trace_id', [among])})"
    state = f"multiIf({kept}, '{KEPT}', {resting}, '{WILL_BE_KEPT}', '{TOO_LATE}') AS state"
    return f"SELECT trace_id, {state} FROM ({matched})"


def _select_matched(scope: Scope, asked: KeepRequest) -> str:
    if asked.trace_ids:
        ids = ", ".join(scope.bind(trace_id) for trace_id in asked.trace_ids)
        return f"SELECT DISTINCT toFixedString(arrayJoin([{ids}]), 16) AS trace_id"
    where = span_conditions(scope, asked.search)
    found = (scope.select(table, "trace_id", where) for table in ("spans", "spans_recent"))
    return f"SELECT DISTINCT trace_id FROM ({' UNION ALL '.join(found)})"
