"""A policy set, with the names, fields and defaults of the OpenTelemetry Collector's `tail_sampling` processor.

Each rule is a frozen dataclass whose fields are the YAML's; a field without a default is required. `dynamic` and
`guarantee` are Traceo's own. `parse.py` reads and checks sets, so that what a compiler gets is known to make sense.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from traceo.sampling.budgets import Budget
from traceo.settings import Seconds

INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1
LONGEST_PERIOD_S = 32  # verdicts wait for the end of it
ADJUSTMENT_INTERVAL, DECISION_WAIT, NO_WAIT = Seconds(15), Seconds(30), Seconds(0)


@dataclass(frozen=True, slots=True)
class AlwaysSample:
    """Every trace."""


@dataclass(frozen=True, slots=True)
class Latency:
    """From the earliest start to the latest end; with an upper bound, above the lower and up to the upper one."""

    threshold_ms: int = 0
    upper_threshold_ms: int = 0


@dataclass(frozen=True, slots=True)
class NumericAttribute:
    """A span or resource has an int or double between the bounds, both inclusive."""

    key: str
    min_value: int = INT64_MIN
    max_value: int = INT64_MAX
    invert_match: bool = False


@dataclass(frozen=True, slots=True)
class BooleanAttribute:
    """A span or resource has this bool."""

    key: str
    value: bool
    invert_match: bool = False


@dataclass(frozen=True, slots=True)
class StringAttribute:
    """A span or resource has a string that is one of the values, or in which one of them, as a pattern, is found."""

    key: str
    values: tuple[str, ...]
    enabled_regex_matching: bool = False
    invert_match: bool = False


@dataclass(frozen=True, slots=True)
class StatusCode:
    """A span has one of the codes OK, ERROR, UNSET."""

    status_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Probabilistic:
    """A share of the traces, by their randomness, or by a hash of their id that the salt makes independent."""

    sampling_percentage: float = 0.0
    hash_salt: str = ""


@dataclass(frozen=True, slots=True)
class RateLimiting:
    """As many traces as have this many spans a second together."""

    spans_per_second: int


@dataclass(frozen=True, slots=True)
class BytesLimiting:
    """As many traces as have this many bytes a second together; a trace above `burst_capacity` is never kept."""

    bytes_per_second: int
    burst_capacity: int = 0

    @property
    def burst(self) -> int:
        """Bytes that may come at once; by default as in the Collector, twice the rate."""
        return self.burst_capacity or 2 * self.bytes_per_second

    @property
    def period_s(self) -> int:
        """The seconds whose bytes a burst has, up to a power of two, so that every longer period begins with one."""
        seconds = -(-self.burst // self.bytes_per_second)
        return min(LONGEST_PERIOD_S, 1 << (seconds - 1).bit_length())


@dataclass(frozen=True, slots=True)
class SpanCount:
    """The trace has at least, and at most (0: any number), this many spans."""

    min_spans: int = 0
    max_spans: int = 0


@dataclass(frozen=True, slots=True)
class TraceState:
    """A span's W3C trace state has the key with one of the values."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TraceFlags:
    """A span has the W3C flag `sampled`."""


@dataclass(frozen=True, slots=True)
class OttlCondition:
    """One of the conditions holds for a span, or for an event of a span."""

    error_mode: str = "propagate"
    span: tuple[str, ...] = ()
    spanevent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class And:
    """What all of them keep."""

    and_sub_policy: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What the policy does not keep; of a share, the rest."""

    not_sub_policy: Policy


@dataclass(frozen=True, slots=True)
class Drop:
    """What all of them would keep is dropped, whatever other policies say."""

    drop_sub_policy: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class RateAllocation:
    """A sub-policy's part of a composite's rate."""

    policy: str
    percent: int = 0


@dataclass(frozen=True, slots=True)
class Composite:
    """Each trace is of the first sub-policy, in order, that takes it, and kept within that one's part of the rate."""

    max_total_spans_per_second: int
    policy_order: tuple[str, ...]
    composite_sub_policy: tuple[Policy, ...]
    rate_allocation: tuple[RateAllocation, ...] = ()

    def spans_per_second(self) -> dict[str, int]:
        """The rate of each sub-policy in order; those without a percentage share equally what is left."""
        given = {item.policy: item.percent for item in self.rate_allocation if item.percent}
        others = [name for name in self.policy_order if name not in given]
        left = 100 - sum(given.values())
        parts = {name: given.get(name, left / len(others) if others else 0) for name in self.policy_order}
        return {name: int(self.max_total_spans_per_second * part / 100) for name, part in parts.items()}


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Frequent keys are thinned more, to one trace in `target_rate` or to `target_throughput` traces a second."""

    keys: tuple[str, ...]
    target_rate: float = 0.0
    target_throughput: int = 0
    minimum_per_key: int = 1
    adjustment_interval: Seconds = ADJUSTMENT_INTERVAL


Rule: TypeAlias = (
    AlwaysSample
    | Latency
    | NumericAttribute
    | BooleanAttribute
    | StringAttribute
    | StatusCode
    | Probabilistic
    | RateLimiting
    | BytesLimiting
    | SpanCount
    | TraceState
    | TraceFlags
    | OttlCondition
    | And
    | Not
    | Drop
    | Composite
    | Dynamic
)

RULES: dict[str, type[Rule]] = {
    "always_sample": AlwaysSample,
    "latency": Latency,
    "numeric_attribute": NumericAttribute,
    "boolean_attribute": BooleanAttribute,
    "string_attribute": StringAttribute,
    "status_code": StatusCode,
    "probabilistic": Probabilistic,
    "rate_limiting": RateLimiting,
    "bytes_limiting": BytesLimiting,
    "span_count": SpanCount,
    "trace_state": TraceState,
    "trace_flags": TraceFlags,
    "ottl_condition": OttlCondition,
    "and": And,
    "not": Not,
    "drop": Drop,
    "composite": Composite,
    "dynamic": Dynamic,
}
TYPES: dict[type[Rule], str] = {rule: name for name, rule in RULES.items()}


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule with the name that verdicts and ledgers call it by."""

    name: str
    rule: Rule

    @property
    def type(self) -> str:
        """The rule's name in YAML."""
        return TYPES[type(self.rule)]

    def parts(self) -> tuple[Policy, ...]:
        """The policies that this one is made of."""
        match self.rule:
            case And(parts) | Drop(parts):
                return parts
            case Not(part):
                return (part,)
            case Composite():
                return self.rule.composite_sub_policy
            case _:
                return ()

    def walk(self) -> Iterator[Policy]:
        """This policy and all below it."""
        yield self
        for part in self.parts():
            yield from part.walk()


@dataclass(frozen=True, slots=True)
class PolicySet:
    """What decides over a tenant's traces. `guarantee`: one trace per service, operation, status and five minutes.

    `thin_logs`: log records of a trace, below WARN, follow its verdict.
    `marked_traces_per_minute`, `exemplar_traces_per_minute`: so many that senders mark, or that exemplars lead to,
    are kept whatever the policies say.
    """

    policies: tuple[Policy, ...]
    decision_wait: Seconds = DECISION_WAIT
    decision_wait_after_root_received: Seconds = NO_WAIT
    sample_on_first_match: bool = False
    guarantee: bool = False
    thin_logs: bool = False
    marked_traces_per_minute: int = 600
    exemplar_traces_per_minute: int = 30
    budgets: tuple[Budget, ...] = ()

    def walk(self) -> Iterator[Policy]:
        """All policies, at any depth."""
        for policy in self.policies:
            yield from policy.walk()

    @property
    def period_s(self) -> int:
        """Limits hold over so many seconds, counted from 1970: what arrives in one such period is judged together."""
        return max((item.rule.period_s for item in self.walk() if isinstance(item.rule, BytesLimiting)), default=1)

    @property
    def hash_salt(self) -> str:
        """The one salt of the set, or ""."""
        salts = [item.rule.hash_salt for item in self.walk() if isinstance(item.rule, Probabilistic)]
        return next((salt for salt in salts if salt), "")
