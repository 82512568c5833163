"""What may be followed: a signal, and conditions on its rows."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from traceo.query.logs import PLACE, LogSearch, log_conditions
from traceo.query.search import TraceSearch, span_conditions
from traceo.query.sql import Scope
from traceo.query.traces import SHOWN_COLUMNS

LINE_BYTES = 32 << 10  # a longer body is cut: a thousand of them must fit into memory
LOG_COLUMNS = f"""
toUnixTimestamp(received_at) AS second, {PLACE} AS place, toUnixTimestamp64Nano(time) AS time_ns,
toUnixTimestamp64Nano(time) + observed_after_ns AS observed_ns, trace_id, span_id, flags, severity_number,
severity_text, service, event_name, substring(body, 1, {LINE_BYTES}) AS cut_body,
substring(body_value, 1, {LINE_BYTES}) AS cut_value, resource_id, scope_id, attributes, dropped_attributes
"""
SPAN_COLUMNS = f"""
toUnixTimestamp(received_at) AS second, cityHash64(trace_id, span_id, start_time) AS place, trace_id, {SHOWN_COLUMNS}
"""
# Of a signal: columns of the table (no alias may hide one: conditions follow), and what is made of them.
COLUMNS = {
    "logs": (LOG_COLUMNS, "* EXCEPT (cut_body, cut_value), cut_body AS body, cut_value AS body_value"),
    "spans": (SPAN_COLUMNS, "*, start_ns AS time_ns"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """A filter. `conditions` writes it as SQL over the columns of the table, values bound in the scope.

    Watches of a tenant with equal `key`s MUST mean the same: they share one reading.
    """

    signal: str  # a key of COLUMNS
    key: Hashable
    conditions: Callable[[Scope], list[str]]


def watch_logs(search: LogSearch) -> Watch:
    """Log records that a search would find; its range, limit and cursor do not matter."""
    ids = (search.trace_id, search.span_id)
    wanted = (search.text, search.min_severity, search.service, *ids, search.attributes, search.resource)
    return Watch("logs", wanted, lambda scope: log_conditions(scope, search))


def watch_spans(search: TraceSearch) -> Watch:
    """Spans that meet the conditions of a search for traces. Raises InvalidRequest."""
    span_conditions(Scope(""), search)
    durations = (search.min_duration_ns, search.max_duration_ns)
    wanted = (search.service, search.operation, search.status, *durations, search.attributes, search.resource)
    return Watch("spans", wanted, lambda scope: span_conditions(scope, search))
