"""A policy set to one SELECT that gives each trace of a cohort its threshold and verdict.

Stages, from the inside: one GROUP BY trace_id over the spans, with an aggregate for each thing that a policy asks; the
thresholds of dynamic keys, of the guarantee and of limits; those of all policies; the verdict. ADR 0008 says why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from traceo.sampling.budgets import Steering
from traceo.sampling.charging import add_charges, charges, first_exhausted, steps
from traceo.sampling.columns import IS_ROOT, SpanColumns
from traceo.sampling.guarantee import combinations, select_guaranteed
from traceo.sampling.model import BytesLimiting, Drop, Policy, PolicySet
from traceo.sampling.outcomes import Outcome, Plan
from traceo.sampling.thresholds import (
    ALWAYS,
    NEVER,
    number_of_digits,
    randomness,
    salted_randomness,
    stated_randomness,
    stated_threshold,
)
from traceo.sampling.validate import GUARANTEE
from traceo.store.binding import Bindings

# A SELECT of columns of table `spans` over the cohort, each span once, such as
# `lambda columns: scope.select("spans_recent", columns, where)`: a subquery's subcolumns could not be read alone.
Cohort: TypeAlias = Callable[[str], str]

# Bytes of a span, about what OTLP takes. Attributes weigh most and cost most to read: where no policy limits bytes,
# their number stands for them.
NAMES_BYTES = "64 + length(name) + length(status_message) + length(trace_state)"
EXACT_BYTES = f"{NAMES_BYTES} + byteSize(attributes) + byteSize(`events.name`) + byteSize(`events.attributes`)"
ESTIMATED_BYTES = f"{NAMES_BYTES} + 40 * attribute_count + 200 * length(`events.name`)"
SUBCOLUMNS = {"`attributes.size0`": "attributes.size0 AS attribute_count"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a caller wants to know of each trace beside its verdict: name -> aggregate, and the columns they read."""

    aggregates: Mapping[str, str] = field(default_factory=dict)
    columns: Sequence[str] = ()


def compile_verdict(
    policies: PolicySet,
    cohort: Cohort,
    bindings: Bindings,
    *,
    seen: str = "",
    counts: str = "",
    facts: Facts | None = None,
    steering: Sequence[Steering] = (),
    shards: int = 1,
) -> str:
    """A SELECT with one row for each trace of the cohort, all of one tenant, whose name is bound as `tenant`.

    Columns: trace_id, first_arrival (DateTime), spans, bytes, has_root, randomness, threshold (2^56: never), keep,
    policy (the first that keeps, or the drop policy that forbids, or ""), votes (all that would keep), keys (dynamic
    policy -> the trace's key).

    `seen`: a SELECT of window (start of five minutes), service, name, status_code: combinations that have their trace.
    `counts`: a SELECT of policy, key, traces, kept: moving averages of traces in one of that dynamic policy's
    intervals, and how many were kept in the last one.
    `facts`: further columns of each trace; with them come `decided` and `incoming`, whose maximum `threshold` is: what
    the set made of the trace, and what it had when it came.
    `steering`: budgets in the order in which they thin what the policies would keep; what the guarantee keeps they do
    not. With them comes `charges`, see `charging.py`.
    `shards`: how many nodes judge traces of this tenant, each its own: a limit is divided among them.
    For limits to hold, a cohort MUST hold all traces of its seconds of first arrival.
    """
    plan = Plan(SpanColumns(bindings), counts, shards)
    drops = [policy for policy in policies.policies if isinstance(policy.rule, Drop)]
    floors = [plan.compile(policy) for policy in drops]
    allowed = tuple(floor.possible for floor in floors)
    keeping = [policy for policy in policies.policies if not isinstance(policy.rule, Drop)]
    outcomes = _compile_in_order(plan, keeping, allowed, policies.sample_on_first_match)
    guaranteed = _select_guaranteed(policies, cohort, bindings, seen) if policies.guarantee else ""
    add_charges(plan, steering, _span_bytes(policies))
    rows = _select_rows(plan, policies, cohort, guaranteed, facts or Facts())
    more = ["", "decided", "incoming", *facts.aggregates] if facts else []
    names, drop_names = _names(plan, keeping, policies), _names(plan, drops)
    return _select_verdicts(plan, rows, names, outcomes, drop_names, floors, ", ".join(more), steering)


def statement_length(policies: PolicySet) -> int:
    """Characters of the statement that a set becomes, about; the engine takes 262 144."""
    bindings = Bindings()
    bindings.params["tenant"] = ""
    return len(compile_verdict(policies, lambda columns: f"SELECT {columns} FROM spans_recent", bindings))


def _compile_in_order(plan: Plan, policies: list[Policy], allowed: tuple[str, ...], first_match: bool) -> list[Outcome]:
    """With `first_match`, limits do not count what an earlier policy keeps for certain."""
    outcomes = []
    for policy in policies:
        outcome = plan.compile(policy, allowed)
        outcomes.append(outcome)
        if first_match and outcome.certain != "false":
            allowed = (*allowed, f"NOT {outcome.certain}")
    return outcomes


def _select_rows(plan: Plan, policies: PolicySet, cohort: Cohort, guaranteed: str, facts: Facts) -> str:
    """A row for each trace with all that thresholds are made of."""
    rows = _select_traces(plan, policies, cohort, facts)
    for number, join in enumerate(plan.joins.values()):
        if not join.thresholds:
            rows = f"SELECT *, {join.unknown} AS key_threshold_{number}, 0 AS key_kept_{number} FROM ({rows})"
            continue
        threshold = f"if(of_key.known = 1, of_key.threshold, {join.unknown}) AS key_threshold_{number}"
        rows = (
            f"SELECT of_trace.*, {threshold}, of_key.kept AS key_kept_{number} FROM ({rows}) AS of_trace "
            f"LEFT ANY JOIN ({join.thresholds}) AS of_key ON of_trace.key_{number} = of_key.key"
        )
    rows = plan.limits.select_from(rows)
    if not guaranteed:
        return rows
    threshold = f"if(guaranteed.known = 1, guaranteed.guarantee_threshold, {NEVER}) AS guarantee_threshold"
    return (
        f"SELECT of_trace.*, {threshold} FROM ({rows}) AS of_trace "
        f"LEFT ANY JOIN (SELECT *, 1 AS known FROM ({guaranteed})) AS guaranteed USING (trace_id)"
    )


def _select_guaranteed(policies: PolicySet, cohort: Cohort, bindings: Bindings, seen: str) -> str:
    """A reading of its own: few columns, where all others would be multiplied by a trace's combinations."""
    plan = Plan(SpanColumns(bindings))
    floors = [plan.compile(policy) for policy in policies.policies if isinstance(policy.rule, Drop)]
    facts = ["count() AS spans", *_randomness(plan.columns, policies.hash_salt), *plan.aggregates]
    aggregates = [combinations(plan.columns), *facts]
    traces = _group(plan.columns, aggregates, cohort)
    return select_guaranteed(traces, seen, " AND ".join(floor.possible for floor in floors) or "true")


def _select_traces(plan: Plan, policies: PolicySet, cohort: Cohort, facts: Facts) -> str:
    columns = plan.columns
    columns.used.update(facts.columns)
    exact = _has_exact_bytes(policies)
    for name in ("parent_span_id", "name", "status_message", "events.name"):
        columns.column(name)
    for name in ("attributes", "events.attributes") if exact else ("attributes.size0",):
        columns.column(name)
    aggregates = [
        "count() AS spans",
        f"sum({_span_bytes(policies)}) AS bytes",
        f"max({IS_ROOT}) AS has_root",
        *_randomness(columns, policies.hash_salt),
        *plan.aggregates,
        *(f"{join.key} AS key_{number}" for number, join in enumerate(plan.joins.values())),
        *(f"{aggregate} AS {name}" for name, aggregate in facts.aggregates.items()),
    ]
    return _group(columns, aggregates, cohort)


def _has_exact_bytes(policies: PolicySet) -> bool:
    return any(isinstance(policy.rule, BytesLimiting) for policy in policies.walk())


def _span_bytes(policies: PolicySet) -> str:
    return EXACT_BYTES if _has_exact_bytes(policies) else ESTIMATED_BYTES


def _group(columns: SpanColumns, aggregates: list[str], cohort: Cohort) -> str:
    """A row for each trace, from the columns that were asked for."""
    read = [f"`{name}`" if "." in name else name for name in sorted(columns.used | {"trace_id", "received_at"})]
    spans = cohort(", ".join(SUBCOLUMNS.get(name, name) for name in read))
    named = ", ".join("attribute_count" if name in SUBCOLUMNS else name for name in read)
    chosen = ", ".join(["trace_id", "min(received_at) AS first_arrival", *aggregates])
    return f"SELECT {chosen} FROM {columns.select_from(spans, named)} GROUP BY trace_id"


def _randomness(columns: SpanColumns, salt: str) -> list[str]:
    """`randomness`, and `incoming`: the threshold of the least sampled span, if its statement can be true."""
    threshold = stated_threshold(columns.column("trace_state"))
    stated = f"if(stated_th = '', {ALWAYS}, {number_of_digits('stated_th')})"
    found = [f"minIf({threshold}, {threshold} != '') AS stated_th"]
    if salt:
        hashed = salted_randomness("trace_id", columns.bind(salt), "incoming")
        return [*found, f"{stated} AS incoming", f"{hashed} AS randomness"]
    return [
        *found,
        f"max({stated_randomness('trace_state')}) AS stated_rv",
        f"{randomness('trace_id', 'stated_rv')} AS randomness",
        f"if(randomness >= {stated}, {stated}, {ALWAYS}) AS incoming",
    ]


def _select_verdicts(
    plan: Plan,
    rows: str,
    names: list[str],
    outcomes: list[Outcome],
    drop_names: list[str],
    floors: list[Outcome],
    more: str,
    steering: Sequence[Steering],
) -> str:
    thresholds = [outcome.threshold for outcome in outcomes]
    guaranteed = len(names) > len(thresholds)
    if guaranteed:
        thresholds.append("guarantee_threshold")
    floor = "arrayMax(floors)" if floors else str(ALWAYS)
    kept_by, lost_to, decided = (
        "votes[1]",
        _first_forbidding(drop_names),
        [f"greatest(arrayMin(thresholds), {floor}) AS decided"],
    )
    if steering:
        own = f"arrayMin({'arrayPopBack(thresholds)' if guaranteed else 'thresholds'})"
        decided = steps(plan, steering, f"greatest({own}, {floor}, incoming)")
        last = f"step_{len(steering)}"
        decided.append(f"greatest({f'least({last}, guarantee_threshold)' if guaranteed else last}, {floor}) AS decided")
        decided.append(charges(plan, steering))
        lost_to = f"if(randomness >= step_0, {first_exhausted(plan, steering)}, {lost_to})"
        kept_by = f"if(randomness >= {last}, votes[1], '{GUARANTEE}')" if guaranteed else kept_by
        more += ", charges"
    keys = [f"{plan.columns.bind(name)}, key_{number}" for number, name in enumerate(plan.joins)]
    judged = (
        f"SELECT *, {_numbers(thresholds)} AS thresholds, {_numbers([floor.threshold for floor in floors])} AS floors, "
        f"{', '.join(decided)} FROM ({rows})"
    )
    return (
        "SELECT trace_id, first_arrival, spans, bytes, has_root, randomness, greatest(decided, incoming) AS threshold, "
        f"randomness >= decided AS keep, if(keep, {kept_by}, {lost_to}) AS policy, "
        f"arrayFilter((name, least) -> randomness >= least, {_texts(names)}, thresholds) AS votes, "
        f"map({', '.join(keys)})::Map(String, String) AS keys{more} FROM ({judged})"
    )


def _first_forbidding(drop_names: list[str]) -> str:
    return f"arrayFirst((name, floor) -> randomness < floor, {_texts(drop_names)}, floors)" if drop_names else "''"


def _names(plan: Plan, policies: list[Policy], whole: PolicySet | None = None) -> list[str]:
    names = [plan.columns.bind(policy.name) for policy in policies]
    return [*names, f"'{GUARANTEE}'"] if whole and whole.guarantee else names


def _numbers(values: list[str]) -> str:
    return f"[{', '.join(values)}]::Array(UInt64)"


def _texts(values: list[str]) -> str:
    return f"[{', '.join(values)}]"
