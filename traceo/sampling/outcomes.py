"""What each policy makes of a trace: a rejection threshold, as SQL over a row a trace (ADR 0008).

A policy that is about the trace's content gives 0 or 2^56; a share gives its threshold; `and` is the maximum, an
alternative the minimum, `not` the complement.
"""

from dataclasses import dataclass, field, replace
from typing import Any, cast

from traceo.sampling.columns import SpanColumns
from traceo.sampling.dynamic import key_of_trace, threshold_of_unknown, thresholds_by_key
from traceo.sampling.limits import Limit, Limits, every
from traceo.sampling.model import (
    AlwaysSample,
    And,
    BytesLimiting,
    Composite,
    Drop,
    Dynamic,
    Latency,
    Not,
    Policy,
    Probabilistic,
    RateLimiting,
    SpanCount,
)
from traceo.sampling.spans import SpanRule, span_condition
from traceo.sampling.thresholds import ALWAYS, NEVER, threshold_of_percentage
from traceo.sampling.validate import LIMITERS


@dataclass(frozen=True, slots=True)
class Outcome:
    """`threshold`, a UInt64; whether the trace is kept with the highest randomness, and with any, as conditions.

    `possible` and `certain` are the same for every randomness of any trace: what they choose is no biased sample.
    """

    threshold: str
    possible: str
    certain: str


@dataclass(frozen=True, slots=True)
class KeyJoin:
    """A dynamic policy's key (an aggregate), the SELECT of thresholds by key ("": none), and that of unknown keys."""

    key: str
    thresholds: str
    unknown: str


@dataclass(slots=True)
class Plan:
    """What the statement needs for all policies that were compiled with it.

    `shards`: how many judge by the same policies, each its own traces; what is a rate has this part of it each.
    """

    columns: SpanColumns
    counts: str = ""
    shards: int = 1
    aggregates: list[str] = field(default_factory=list)
    flags: dict[SpanRule | Latency, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    joins: dict[str, KeyJoin] = field(default_factory=dict)

    def compile(self, policy: Policy, given: tuple[str, ...] = ()) -> Outcome:
        """A policy's outcome. Limits count only traces that meet all conditions `given`."""
        match policy.rule:
            case AlwaysSample():
                return _decided("true")
            case SpanCount(low, high):
                return _decided(f"(spans BETWEEN {low} AND {high})" if high else f"(spans >= {low})")
            case Latency() as rule:
                return _decided(self._latency(rule))
            case Probabilistic(percentage):
                return _share(threshold_of_percentage(percentage))
            case RateLimiting(spans):
                return self._limit(Limit("spans", self._part(spans), _all(given)))
            case BytesLimiting() as rule:
                return self._bytes(rule, given)
            case Dynamic() as rule:
                return self._dynamic(policy.name, rule, given)
            case And(parts):
                return self._and(parts, given)
            case Not(part):
                return _complement(self.compile(part, given))
            case Drop(parts):
                return _complement(self._and(parts, given))
            case Composite() as rule:
                return self._composite(rule, given)
            case rule:
                met = self._met(rule)
                return _decided(f"(NOT {met})" if getattr(rule, "invert_match", False) else met)

    def _met(self, rule: SpanRule) -> str:
        """A column: some span meets the rule. The same rule is asked once."""
        asked: SpanRule = replace(cast(Any, rule), invert_match=False) if hasattr(rule, "invert_match") else rule
        if asked not in self.flags:
            self.flags[asked] = f"met_{len(self.flags)}"
            self.aggregates.append(f"max({span_condition(asked, self.columns)}) AS {self.flags[asked]}")
        return self.flags[asked]

    def _latency(self, rule: Latency) -> str:
        """Whole milliseconds, as the Collector counts; an upper bound makes the lower one exclusive."""
        start = f"toUnixTimestamp64Nano({self.columns.column('start_time')})"
        end = f"{start} + {self.columns.column('duration_ns')}"
        duration = f"intDiv(max({end}) - min({start}), 1000000) AS duration_ms"
        if duration not in self.aggregates:
            self.aggregates.append(duration)
        if rule.upper_threshold_ms:
            return f"(duration_ms > {rule.threshold_ms} AND duration_ms <= {rule.upper_threshold_ms})"
        return f"(duration_ms >= {rule.threshold_ms})"

    def _limit(self, limit: Limit) -> Outcome:
        return Outcome(self.limits.add(limit), "true", "false")

    def _bytes(self, rule: BytesLimiting, given: tuple[str, ...]) -> Outcome:
        """The bucket holds some seconds' bytes: they may come at once, if no others come in those seconds."""
        seconds = rule.period_s
        eligible = _all((*given, f"bytes <= {rule.burst}"))
        return self._limit(Limit("bytes", self._part(seconds * rule.bytes_per_second), eligible, every(seconds)))

    def _and(self, parts: tuple[Policy, ...], given: tuple[str, ...]) -> Outcome:
        """A limit counts only what all others can keep."""
        free = [self.compile(part, given) for part in parts if not _has_limit(part)]
        allowed = (*given, *(item.possible for item in free if item.possible != "true"))
        limited = [self.compile(part, allowed) for part in parts if _has_limit(part)]
        return _strictest([*free, *limited])

    def _composite(self, rule: Composite, given: tuple[str, ...]) -> Outcome:
        """Each trace is of the first sub-policy that takes it for certain, or of any before that may take it."""
        by_name = {part.name: part for part in rule.composite_sub_policy}
        taken: list[str] = []
        outcomes = []
        for name, spans in rule.spans_per_second().items():
            open_to = (*given, *(f"NOT {certain}" for certain in taken))
            inner = self.compile(by_name[name], open_to)
            limit = self.limits.add(Limit("spans", self._part(spans), _all((*open_to, inner.possible))))
            outcomes.append(f"greatest({inner.threshold}, {limit})")
            if inner.certain != "false":
                taken.append(inner.certain)
        return Outcome(_of("least", outcomes), "true", "false")

    def _dynamic(self, name: str, rule: Dynamic, given: tuple[str, ...]) -> Outcome:
        number = len(self.joins)
        if rule.target_throughput:
            rule = replace(rule, target_throughput=self._part(rule.target_throughput))
        counts = (
            self.counts and f"SELECT key, traces, kept FROM ({self.counts}) WHERE policy = {self.columns.bind(name)}"
        )
        self.joins[name] = KeyJoin(
            key=key_of_trace(rule, self.columns),
            thresholds=thresholds_by_key(rule, counts) if counts else "",
            unknown=threshold_of_unknown(rule, counts),
        )
        threshold = f"key_threshold_{number}"
        if rule.target_throughput:
            within = _all((*given, f"randomness >= {threshold}"))
            threshold = f"greatest({threshold}, {self.limits.add(Limit('1', rule.target_throughput, within))})"
        if rule.minimum_per_key:
            group = f"{every(int(rule.adjustment_interval))}, key_{number}"
            eligible = _all((*given, f"key_kept_{number} < {rule.minimum_per_key}"))
            fewest = self.limits.add(Limit("1", rule.minimum_per_key, eligible, group))
            threshold = f"least({threshold}, {fewest})"
        return Outcome(threshold, "true", "false")

    def _part(self, rate: int) -> int:
        """A shard's part of a rate; traces spread evenly."""
        return max(1, rate // self.shards)


def _decided(condition: str) -> Outcome:
    return Outcome(f"if({condition}, {ALWAYS}, {NEVER})", condition, condition)


def _share(threshold: int) -> Outcome:
    return Outcome(str(threshold), str(threshold < NEVER).lower(), str(threshold == ALWAYS).lower())


def _complement(inner: Outcome) -> Outcome:
    return Outcome(f"toUInt64({NEVER} - {inner.threshold})", f"(NOT {inner.certain})", f"(NOT {inner.possible})")


def _strictest(outcomes: list[Outcome]) -> Outcome:
    return Outcome(
        _of("greatest", [item.threshold for item in outcomes]),
        _all(tuple(item.possible for item in outcomes)),
        _all(tuple(item.certain for item in outcomes)),
    )


def _has_limit(policy: Policy) -> bool:
    return any(isinstance(part.rule, LIMITERS) for part in policy.walk())


def _of(function: str, values: list[str]) -> str:
    return f"{function}({', '.join(values)})" if len(values) > 1 else values[0]


def _all(conditions: tuple[str, ...]) -> str:
    needed = [condition for condition in conditions if condition != "true"]
    return f"({' AND '.join(needed)})" if len(needed) > 1 else "".join(needed) or "true"
