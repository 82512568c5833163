"""What-if: a policy set is tried out on what came, before it is switched on."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from traceo.errors import InvalidRequest, LimitExceeded
from traceo.hindsight.factors import find_factors, unthinned
from traceo.hindsight.replay import TABLES, Replay, compile_charges, compile_count, compile_figures, compile_traces
from traceo.hindsight.report import make_report
from traceo.query.run import Queries, Row
from traceo.query.sql import Scope, TimeRange
from traceo.sampling.budgets import Steering, Terms, in_order
from traceo.sampling.model import BytesLimiting, Composite, Dynamic, PolicySet, RateLimiting
from traceo.sampling.parse import parse_policies

# One replay holds a row for each trace and two weights for each distinct duration: 130 bytes a span.
MAX_SPANS = 2_000_000
TERMS = Terms()
LIMITS = (RateLimiting, BytesLimiting, Composite)


@dataclass(frozen=True, slots=True)
class Simulation:
    """What to try out on what. `price_per_gib`: of a stored GiB, in any currency; `slow_ms` None: each root's p99."""

    document: str
    between: TimeRange
    source: str = "recent"
    slow_ms: float | None = None
    price_per_gib: float | None = None
    min_requests: int = 1000
    max_spans: int = MAX_SPANS


async def simulate(queries: Queries, tenant: str, asked: Simulation, terms: Terms = TERMS) -> Row:
    """The report (docs/guides/sampling.md, "What if"). Raises InvalidRequest, QueryError, LimitExceeded.

    Of more than `max_spans` spans every n-th trace id is replayed, and counts are scaled up; a set that limits rates is
    refused then, because a limit on a part of the traces means nothing for all of them.
    """
    if asked.source not in TABLES:
        raise InvalidRequest(f"source: {asked.source[:40]!r} is none of {', '.join(TABLES)}")
    parsed = parse_policies(asked.document)
    whole = _replay(tenant, asked, parsed.policies, 1)
    (counted,) = await queries.rows(whole.scope, compile_count(whole))
    every = max(1, -(-counted["spans"] // asked.max_spans))
    if every > 1 and _limits_rates(parsed.policies):
        raise LimitExceeded(
            f"{counted['spans']} spans are more than the {asked.max_spans} that a set with limits is replayed over: "
            "choose a shorter range"
        )
    steering, budgets = await _try_budgets(queries, _replay(tenant, asked, parsed.policies, every), terms)
    traces, figures = (replace(_replay(tenant, asked, parsed.policies, every), steering=steering) for _ in range(2))
    rows = await queries.rows(traces.scope, compile_traces(traces))
    red = await queries.rows(figures.scope, compile_figures(figures))
    report = make_report(traces, rows, red, asked.price_per_gib)
    return {**report, "budgets": budgets, "notes": [*_caveats(traces), *parsed.notes]}


def _replay(tenant: str, asked: Simulation, policies: PolicySet, every: int) -> Replay:
    slow_ns = None if asked.slow_ms is None else int(asked.slow_ms * 1e6)
    return Replay(Scope(tenant, asked.between), policies, asked.source, every, slow_ns, asked.min_requests)


async def _try_budgets(queries: Queries, replay: Replay, terms: Terms) -> tuple[tuple[Steering, ...], list[Row]]:
    """By what they would thin, and a row of the report for each. Raises InvalidRequest for money without a price."""
    terms.check(replay.policies.budgets)
    budgets = in_order(replay.policies.budgets)
    if not budgets:
        return (), []
    counting = replace(replay, steering=unthinned(budgets, terms))
    rows = await queries.rows(counting.scope, compile_charges(counting))
    assert replay.scope.between
    ends = datetime.fromtimestamp(replay.scope.between.end_ns / 1e9, UTC)
    steering, report = find_factors(budgets, rows, terms, ends)
    return tuple(steering), report


def _limits_rates(policies: PolicySet) -> bool:
    return any(isinstance(policy.rule, LIMITS) or _has_throughput(policy.rule) for policy in policies.walk())


def _has_throughput(rule: object) -> bool:
    return isinstance(rule, Dynamic) and bool(rule.target_throughput)


def _caveats(replay: Replay) -> list[str]:
    """What keeps the answer from being exact, a sentence each."""
    found = []
    if replay.every > 1:
        found.append(
            f"one trace in {replay.every} was replayed and counts are scaled up: what is rare may be missing, or may "
            "look lost when it is not"
        )
        if replay.policies.guarantee:
            found.append(f"what the guarantee keeps counts {replay.every} times: it would keep no more of all traces")
    if replay.source == "stored" and (_limits_rates(replay.policies) or replay.policies.guarantee):
        found.append("limits and the guarantee see stored spans only, which may be fewer than those that came")
    if replay.steering:
        found.append(
            "budgets thin by one factor for the whole range: no rise, and nothing that was spent before, counts"
        )
    found += [
        f"budget {item.budget.name} is of all tenants, and was tried out on this one's traces alone"
        for item in replay.steering
        if item.budget.all_tenants
    ]
    return found
