"""The one place where a table gets its tenant: every statement over telemetry is put together by a `Scope`.

Column lists and conditions are SQL text made of constants; everything that a caller said is bound.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from traceo.errors import InvalidRequest
from traceo.store.attributes import encodings_of
from traceo.store.binding import Bindings

# Every table a query may read, with the column that a time range bounds.
TIME_COLUMNS = {
    "spans": "start_time",
    "spans_recent": "start_time",
    "logs": "time",
    "logs_recent": "time",
    "log_shapes": "minute",
    "log_patterns": "",
    "log_shape_patterns": "",
    "samples": "time",
    "histograms": "time",
    "summaries": "time",
    "native_histograms": "time",
    "exemplars": "time",
    "span_red": "minute",
    "service_edges": "minute",
    "service_edges_blocks": "minute",
    "resource_red": "minute",
    "usage": "minute",
    "series": "day",
    "label_sets": "day",
    "label_values": "day",
    "resources": "",
    "scopes": "",
    "metric_metadata": "",
    "decisions": "decided_at",
    "sampling_ledger": "minute",
    "kept_traces": "requested_at",
    "budget_spending": "moment",
}
MAX_THRESHOLD = 1 << 56
MINUTE_NS = 60 * 10**9
TRACE_SLACK_NS = 10 * MINUTE_NS  # a trace may begin before, and end after, the span that is asked for
SAMPLES_BLOCK_NS = 3_600_000_000_000
SAMPLES_BLOCK = f"intDiv(toUnixTimestamp64Nano(time), {SAMPLES_BLOCK_NS})"  # what `samples` are sorted by first
# Tables of the recent window, where what waits for a verdict rests -> what tells their rows apart.
WINDOWS = {"spans_recent": "trace_id, span_id", "logs_recent": "record_id"}
ALL_WINDOWS = frozenset(WINDOWS)
# The moment where a window begins; NULL, which no row matches, when it is empty: then nothing is compared.
SINCE = "SELECT received_at FROM {window} WHERE tenant = {{tenant:String}} ORDER BY tenant, received_at LIMIT 1"
RECENT_SINCE = SINCE.format(window="spans_recent")


def adjusted_count_of(threshold: str) -> str:
    """SQL: how many spans a kept one stands for, from its rejection threshold; 1 for one that was not sampled.

    0 for one that was dropped and had back later: others were kept that stand for it.
    """
    return f"if({threshold} = {MAX_THRESHOLD}, 0, {MAX_THRESHOLD} / ({MAX_THRESHOLD} - {threshold}))"


def adjusted_count(threshold: int) -> float:
    """The same of a number."""
    return 0.0 if threshold == MAX_THRESHOLD else MAX_THRESHOLD / (MAX_THRESHOLD - threshold)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From `start_ns` up to, not including, `end_ns`; nanoseconds since 1970."""

    start_ns: int
    end_ns: int

    def __post_init__(self) -> None:
        if not -(1 << 63) <= self.start_ns < self.end_ns < 1 << 63:
            raise InvalidRequest("the time range is empty or out of range: start must lie before end")

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end_ns - self.start_ns) / 1e9

    @property
    def of_whole_traces(self) -> "TimeRange":
        """The range in which the other spans are looked for of traces that have a span in this one."""
        latest = (1 << 63) - 1
        return TimeRange(max(self.start_ns - TRACE_SLACK_NS, -latest), min(self.end_ns + TRACE_SLACK_NS, latest))


class Scope(Bindings):
    """One statement in the making: its tenant, its time range (None: all time) and its bound values.

    `recent`: the tables of the recent window that are read; the others are known to be empty.
    """

    def __init__(self, tenant: str, between: TimeRange | None = None, *, recent: Collection[str] = ALL_WINDOWS) -> None:
        super().__init__()
        self.between = between
        self.recent = recent
        self.tenant = tenant
        self.params["tenant"] = tenant
        if between:
            self.params |= {"start_ns": between.start_ns, "end_ns": between.end_ns}

    def select(self, table: str, columns: str, where: Sequence[str] = (), tail: str = "", alias: str = "") -> str:
        """`SELECT columns FROM table` of the tenant, within the time range, where all conditions hold."""
        return f"SELECT {columns} FROM {self.rows_of(table, where, alias)}{' ' + tail if tail else ''}"

    def rows_of(self, table: str, where: Sequence[str] = (), alias: str = "") -> str:
        """What stands behind such a statement's FROM."""
        conditions = ["tenant = {tenant:String}", *self._time_bounds(table), *where]
        return f"{table}{f' AS {alias}' if alias else ''} WHERE {' AND '.join(conditions)}"

    def select_spans(self, columns: str, where: Sequence[str] = ()) -> str:
        """Durable and recent spans, each once, as a union without parentheses.

        `columns` MUST be columns as they are: an alias that hides one would change the meaning of the conditions.
        """
        return self._with_recent("spans", columns, where)

    def select_logs(self, columns: str, where: Sequence[str] = ()) -> str:
        """As `select_spans`, for log records."""
        return self._with_recent("logs", columns, where)

    def without_time(self) -> "Scope":
        """The same statement for a part of it that is not bound by the time range; values are shared."""
        other = Scope(self.tenant, recent=self.recent)
        other.params = self.params
        return other

    def time_bounds(self, column: str, start_ns: int, end_ns: int) -> list[str]:
        """Conditions: a DateTime64 column lies from `start_ns` up to, not including, `end_ns`."""
        start, end = self.bind(start_ns), self.bind(end_ns)
        return [
            f"{column} >= fromUnixTimestamp64Nano({start}, 'UTC')",
            f"{column} < fromUnixTimestamp64Nano({end}, 'UTC')",
        ]

    def has_attribute(self, key: str, value: str, column: str = "attributes") -> str:
        """A condition on a map column: equal to the text, or to the number or bool that it writes.

        The first half only serves the skip index on values.
        """
        name, values = self.bind(key), [self.bind(encoding) for encoding in encodings_of(value)]
        either = ", ".join(values)
        indexed = " OR ".join(f"has(mapValues({column}), {bound})" for bound in values)
        return f"({indexed}) AND {column}[{name}] IN ({either})"

    def has_resource(self, attributes: Sequence[tuple[str, str]]) -> str:
        """A condition on `resource_id`: the resource has all these attributes."""
        where = [self.has_attribute(key, value) for key, value in attributes]
        return f"resource_id IN ({self.select('resources', 'id', where)})"

    def select_resting(self, table: str, columns: str, where: Sequence[str] = ()) -> str:
        """What waits in the recent window of `table` and was not copied out of it; "" where nothing is read of it."""
        window = f"{table}_recent"
        if window not in self.recent:
            return ""
        key = WINDOWS[window]
        copied = self.select(table, key, [f"received_at >= ({SINCE.format(window=window)})", *where])
        return self.select(window, columns, [*where, f"({key}) NOT IN ({copied})"])

    def _with_recent(self, table: str, columns: str, where: Sequence[str]) -> str:
        """What was copied out of the window is read where it was copied to, for as long as it is in both."""
        durable, resting = self.select(table, columns, where), self.select_resting(table, columns, where)
        return f"{durable} UNION ALL {resting}" if resting else durable

    def _time_bounds(self, table: str) -> list[str]:
        column = TIME_COLUMNS[table]
        if not column or not self.between:
            return []
        if column == "day":  # of arrival, which may be long after the point's own time; a Date ends in 2149
            moment = "least(greatest({start_ns:Int64}, 172800000000000), 5600000000000000000)"
            return [f"day >= toDate(fromUnixTimestamp64Nano({moment}, 'UTC')) - 1"]
        start, end = (
            "fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')",
            "fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')",
        )
        if column == "minute":
            start = f"toStartOfMinute({start})"
        bounds = [f"{column} >= {start}", f"{column} < {end}"]
        if table == "samples":
            first, last = (moment // SAMPLES_BLOCK_NS for moment in (self.between.start_ns, self.between.end_ns))
            bounds.append(f"indexHint({SAMPLES_BLOCK} BETWEEN {first} AND {last})")
        return bounds
