"""SQL that replays a policy set over spans that are there: what becomes of their traces, and of figures about them.

A span counts for what it stood for when it came (`incoming`, or the threshold with which it was stored); of the spans
that the set keeps, figures are estimated as anybody would who reads them: weighted by 2^56 / (2^56 - threshold).
"""

from dataclasses import dataclass

from traceo.query.sql import MAX_THRESHOLD, Scope, adjusted_count_of
from traceo.sampling.budgets import Steering
from traceo.sampling.model import Dynamic, PolicySet
from traceo.sampling.policies import Facts, compile_verdict
from traceo.sampling.thresholds import number_of_digits, stated_threshold

TABLES = {"recent": "spans_recent", "stored": "spans"}
EXAMPLES = 3
QUANTILES = (0.5, 0.95, 0.99)
LISTED = 200  # operations, and lost operations, most requests first
MILLI = 1000  # weights of quantiles are whole numbers: thousandths
LARGEST_WEIGHT = "1e12"
NO_PARENT = "unhex('0000000000000000')"
STARTED = "toUnixTimestamp64Nano(start_time)"
FACTS = Facts(
    {
        "failed": "max(status_code = 2)",
        "started_ns": f"min({STARTED})",
        "trace_ns": f"max({STARTED} + duration_ns) - min({STARTED})",
        "root": f"argMin((service, name), (parent_span_id != {NO_PARENT}, start_time))",
        "stored_threshold": "min(threshold)",
    },
    ("status_code", "start_time", "duration_ns", "service", "name", "parent_span_id", "threshold"),
)
# What a trace is counted under; a report has a row for each.
LABELS = """
arrayConcat([('all', '')], if(failed, [('error', '')], []), if(slow, [('slow', '')], []),
    arrayMap(name -> ('keeps', name), if(keep, votes, [])), if(keep, [('first', policy)], []),
    if(keep AND length(votes) = 1, [('alone', policy)], []), if(NOT keep AND policy != '', [('forbids', policy)], []))
"""
TRACE_SUMS = f"""
label.1 AS kind, label.2 AS name, count() AS replayed, sum(trace.spans) AS replayed_spans,
sumIf(stands, NOT keep) AS lost,
sum(stands) AS traces, sum(stands * trace.spans) AS spans, sum(stands * trace.bytes) AS bytes,
sum(remains) AS kept_traces, sum(remains * trace.spans) AS kept_spans, sum(remains * trace.bytes) AS kept_bytes,
min(started_ns) AS first_ns, max(started_ns + trace_ns) AS last_ns,
arrayMap(x -> x.2, groupArraySortedIf({EXAMPLES})((-trace_ns, trace_id), NOT keep)) AS examples
"""
SPAN_COLUMNS = "service, name, kind, status_code, duration_ns, trace_id, trace_state, threshold"
WEIGHT = f"toUInt64({MILLI} * least({{0}}, {LARGEST_WEIGHT}))"
OF_QUANTILES = f"quantilesExactWeighted{{0}}({', '.join(map(str, QUANTILES))})"
FIGURES = f"""
if(grouping(name) = 0, 'operation', 'service') AS level, service, name, kind, entry,
count() AS spans, countIf(keep) AS kept_spans,
groupUniqArray({EXAMPLES})(trace_id) AS examples,
sum(stands) AS requests, sumIf(stands, failed) AS errors,
{OF_QUANTILES.format("")}(duration_ns, {WEIGHT.format("stands")}) AS quantiles_ns,
sumIf(weight, keep) AS estimated_requests, sumIf(weight, keep AND failed) AS estimated_errors,
{OF_QUANTILES.format("If")}(duration_ns, {WEIGHT.format("weight")}, keep) AS estimated_quantiles_ns
"""


@dataclass(frozen=True, slots=True)
class Replay:
    """A policy set over one tenant's spans of a time range, all of them or those of one trace id in `every`."""

    scope: Scope
    policies: PolicySet
    source: str
    every: int = 1
    slow_ns: int | None = None
    min_requests: int = 1000
    steering: tuple[Steering, ...] = ()

    def select_spans(self, columns: str) -> str:
        """The spans that are replayed."""
        sampled = [f"cityHash64(trace_id) % {self.every} = 0"] if self.every > 1 else []
        return self.scope.select(TABLES[self.source], columns, sampled)


def compile_count(replay: Replay) -> str:
    """SELECT spans: how many there are to replay."""
    return replay.select_spans("count() AS spans")


def compile_traces(replay: Replay) -> str:
    """SELECT a row for each kind and name of label: sums over its traces, and over those of them that are kept.

    `stands` is what a trace counts for, `remains` what is left of that where the set keeps it.
    """
    whole = adjusted_count_of("base") if replay.source == "stored" else "1"
    remains = _remains(replay)
    p99 = f"quantileExactWeighted(0.99)(trace_ns, {WEIGHT.format(whole)})"
    if replay.source == "recent":  # all stand for one
        p99 = "quantileExact(0.99)(trace_ns)"
    slow = f"trace_ns > {p99} OVER (PARTITION BY root)"
    if replay.slow_ns is not None:
        slow = f"trace_ns >= {replay.scope.bind(replay.slow_ns)}"
    counted = (
        f"SELECT *, {slow} AS slow, {replay.every} * {whole} AS stands, "
        f"if(keep, {replay.every} * {remains}, 0) AS remains FROM ({_select_verdicts(replay)})"
    )
    labelled = f"SELECT *, arrayJoin({LABELS}) AS label FROM ({counted})"
    return f"SELECT {TRACE_SUMS} FROM ({labelled}) AS trace GROUP BY kind, name"


def compile_charges(replay: Replay) -> str:
    """SELECT cell, spans, bytes, seconds: of what is kept, what each budget of a cell is charged.

    A cell is the (number, exempt) of each budget in order that a trace counts against. The budgets of `replay.steering`
    MUST not thin.
    """
    charged = (
        f"SELECT charges, {replay.every} * {_remains(replay)} AS remains, "
        "toUnixTimestamp(max(first_arrival) OVER ()) - toUnixTimestamp(min(first_arrival) OVER ()) + 1 AS range_s "
        f"FROM ({_select_verdicts(replay)})"
    )
    return (
        "SELECT arrayMap(charge -> (charge.1, charge.2), charges) AS cell, "
        "sumForEach(arrayMap(charge -> remains * charge.3, charges)) AS spans, "
        "sumForEach(arrayMap(charge -> remains * charge.4, charges)) AS bytes, any(range_s) AS seconds "
        f"FROM ({charged}) WHERE arrayExists(charge -> charge.5, charges) GROUP BY cell"
    )


def compile_figures(replay: Replay) -> str:
    """SELECT RED figures of all spans and as estimated from the kept ones, by service and operation.

    `level`: `service` (those of its spans that enter it, and the others), `operation` (with more than
    `min_requests`, or without any kept span).
    """
    own = f"greatest(threshold, if(stated = '', 0, {number_of_digits('stated')}))"
    spans = (
        f"SELECT service, name, kind, kind IN (2, 5) AS entry, status_code = 2 AS failed, duration_ns, trace_id, keep, "
        f"if(trace_state = '', '', {stated_threshold('trace_state')}) AS stated, {own} AS own, "
        f"{replay.every} * {adjusted_count_of('greatest(base, own)')} AS stands, "
        f"if(keep, {replay.every} * {adjusted_count_of('greatest(final, own)')}, 0) AS weight "
        f"FROM ({replay.select_spans(SPAN_COLUMNS)}) AS span INNER JOIN "
        f"(SELECT trace_id, keep, base, final FROM ({_select_verdicts(replay)})) AS verdict USING (trace_id)"
    )
    figures = f"SELECT {FIGURES} FROM ({spans}) GROUP BY GROUPING SETS ((service, entry), (service, name, kind))"
    counts = (
        "countIf(level = 'operation') OVER () AS all_operations, "
        "countIf(level = 'operation' AND kept_spans = 0) OVER () AS lost_operations, "
        "(if(level = 'service', service, ''), level, kept_spans = 0) AS place"
    )
    chosen = f"level = 'service' OR kept_spans = 0 OR requests > {replay.scope.bind(replay.min_requests)}"
    listed = f"LIMIT {LISTED} BY place"
    return (
        f"SELECT * FROM (SELECT *, {counts} FROM ({figures})) WHERE {chosen} "
        f"ORDER BY level, requests DESC, service, name, kind {listed}"
    )


def _remains(replay: Replay) -> str:
    """SQL: what is left of a trace that is kept, in traces."""
    share = f"({MAX_THRESHOLD} - decided) / ({MAX_THRESHOLD} - final)"
    return f"if(final = {MAX_THRESHOLD}, 0, {share})" if replay.source == "stored" else "1"


def _select_verdicts(replay: Replay) -> str:
    """SELECT a row a trace: its verdict and facts; `base` is the threshold it had, `final` the one it would have."""
    verdicts = compile_verdict(
        replay.policies,
        replay.select_spans,
        replay.scope,
        counts=_select_counts(replay),
        facts=FACTS,
        steering=replay.steering,
    )
    return (
        "SELECT *, greatest(incoming, stored_threshold) AS base, greatest(threshold, stored_threshold) AS final "
        f"FROM ({verdicts})"
    )


def _select_counts(replay: Replay) -> str:
    """The averages that dynamic policies would have after a while: those of the replayed range, by their intervals.

    Of stored traces each counts for those that it stands for, as all of them did when they came.
    """
    found = [item for item in replay.policies.walk() if isinstance(item.rule, Dynamic)]
    if not found:
        return ""
    names = ", ".join(replay.scope.bind(item.name) for item in found)
    seconds = ", ".join(f"{item.rule.adjustment_interval:g}" for item in found if isinstance(item.rule, Dynamic))
    interval = f"transform(of_key.1, [{names}], [{seconds}]::Array(Float64), 1.)"
    whole = adjusted_count_of("greatest(incoming, stored_threshold)") if replay.source == "stored" else "1"
    keys = (
        "SELECT arrayJoin(CAST(keys, 'Array(Tuple(String, String))')) AS of_key, "
        f"{replay.every} * {whole} AS stands, "
        "(max(first_arrival) OVER ()) - (min(first_arrival) OVER ()) + 1 AS seconds "
        f"FROM ({compile_verdict(replay.policies, replay.select_spans, replay.scope, facts=FACTS)})"
    )
    return (
        f"SELECT of_key.1 AS policy, of_key.2 AS key, sum(stands) / greatest(1, any(seconds) / {interval}) AS traces, "
        f"0 AS kept FROM ({keys}) GROUP BY of_key"
    )
