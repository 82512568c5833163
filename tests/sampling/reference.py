"""Verdicts by brute force over traces in Python, straight from the definitions: what the SQL is compared with."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import re2

from tests.sampling.traces import Span, Trace
from traceo.sampling.model import (
    AlwaysSample,
    And,
    BooleanAttribute,
    BytesLimiting,
    Composite,
    Drop,
    Latency,
    Not,
    NumericAttribute,
    Policy,
    PolicySet,
    Probabilistic,
    RateLimiting,
    Rule,
    SpanCount,
    StatusCode,
    StringAttribute,
    TraceFlags,
)

NEVER = 1 << 56
LIMITERS = (RateLimiting, BytesLimiting, Composite)
Eligible = Callable[[Trace], bool]


@dataclass(slots=True)
class Reference:
    """`sizes`: bytes of each trace, as the engine counts them."""

    traces: list[Trace]
    sizes: dict[int, int]

    def judge(self, policies: PolicySet) -> dict[int, tuple[int, bool, list[str]]]:
        """By randomness: the threshold, whether the trace is kept, and the policies that would keep it."""
        drops = [item for item in policies.policies if isinstance(item.rule, Drop)]
        floors = [[NEVER - t for t in self._and(item.rule.drop_sub_policy, lambda _: True)] for item in drops]

        def allowed(trace: Trace) -> bool:
            return not any(all(_certain(part, trace) for part in item.rule.drop_sub_policy) for item in drops)

        eligible: Eligible = allowed
        votes: dict[str, list[int]] = {}
        for policy in policies.policies:
            if isinstance(policy.rule, Drop):
                continue
            votes[policy.name] = self.thresholds(policy, eligible)
            if policies.sample_on_first_match:
                eligible = _both(eligible, lambda trace, policy=policy: not _certain(policy, trace))
        found = {}
        for place, trace in enumerate(self.traces):
            lowest = min((thresholds[place] for thresholds in votes.values()), default=NEVER)
            threshold = max([lowest, *(floor[place] for floor in floors)])
            keeping = [name for name, thresholds in votes.items() if trace.randomness >= thresholds[place]]
            found[trace.randomness] = (threshold, trace.randomness >= threshold, keeping)
        return found

    def thresholds(self, policy: Policy, eligible: Eligible) -> list[int]:
        """One for each trace."""
        match policy.rule:
            case Probabilistic(percentage):
                return [NEVER - round(Fraction(str(percentage)) / 100 * NEVER)] * len(self.traces)
            case And(parts):
                return self._and(parts, eligible)
            case Not(part):
                return [NEVER - threshold for threshold in self.thresholds(part, eligible)]
            case RateLimiting(limit):
                return self._first(lambda trace: len(trace.spans), limit, 1, eligible)
            case BytesLimiting(rate, burst):
                burst = burst or 2 * rate
                seconds = max(1, burst // rate)
                small = _both(eligible, lambda trace: self.sizes[trace.randomness] <= burst)
                return self._first(lambda trace: self.sizes[trace.randomness], rate * seconds, seconds, small)
            case Composite() as rule:
                return self._composite(rule, eligible)
            case rule:
                return [0 if _matches(rule, trace) else NEVER for trace in self.traces]

    def _and(self, parts: tuple[Policy, ...], eligible: Eligible) -> list[int]:
        free = [part for part in parts if not _limits(part)]
        inside = _both(eligible, lambda trace: all(_possible(part, trace) for part in free))
        all_thresholds = [self.thresholds(part, inside if _limits(part) else eligible) for part in parts]
        return [max(of_trace) for of_trace in zip(*all_thresholds, strict=True)]

    def _composite(self, rule: Composite, eligible: Eligible) -> list[int]:
        found = [NEVER] * len(self.traces)
        for name, limit in rule.spans_per_second().items():
            part = next(part for part in rule.composite_sub_policy if part.name == name)
            inner = self.thresholds(part, eligible)
            may = _both(eligible, lambda trace, part=part: _possible(part, trace))
            limits = self._first(lambda trace: len(trace.spans), limit, 1, may)
            found = [min(old, max(pair)) for old, *pair in zip(found, inner, limits, strict=True)]
            eligible = _both(eligible, lambda trace, part=part: not _certain(part, trace))
        return found

    def _first(self, size: Callable[[Trace], int], limit: int, seconds: int, eligible: Eligible) -> list[int]:
        """Just above the first trace of each period that no longer fits."""
        found = []
        for trace in self.traces:
            if not eligible(trace) or size(trace) > limit:
                found.append(NEVER)
                continue
            group = [other for other in self.traces if _period(other, seconds) == _period(trace, seconds)]
            group = [other for other in group if eligible(other) and size(other) <= limit]
            total, threshold = 0, 0
            for other in sorted(group, key=lambda other: -other.randomness):
                total += size(other)
                if total > limit:
                    threshold = other.randomness + 1
                    break
            found.append(threshold)
        return found


def _period(trace: Trace, seconds: int) -> int:
    return (1_790_000_100 + trace.second) // seconds


def _both(first: Eligible, second: Eligible) -> Eligible:
    return lambda trace: first(trace) and second(trace)


def _limits(policy: Policy) -> bool:
    return any(isinstance(part.rule, LIMITERS) for part in policy.walk())


def _possible(policy: Policy, trace: Trace) -> bool:
    match policy.rule:
        case Probabilistic(percentage):
            return percentage > 0
        case And(parts):
            return all(_possible(part, trace) for part in parts)
        case Not(part):
            return not _certain(part, trace)
        case RateLimiting() | BytesLimiting() | Composite():
            return True
        case rule:
            return _matches(rule, trace)


def _certain(policy: Policy, trace: Trace) -> bool:
    match policy.rule:
        case Probabilistic(percentage):
            return percentage == 100
        case And(parts):
            return all(_certain(part, trace) for part in parts)
        case Not(part):
            return not _possible(part, trace)
        case RateLimiting() | BytesLimiting() | Composite():
            return False
        case rule:
            return _matches(rule, trace)


def _matches(rule: Rule, trace: Trace) -> bool:
    match rule:
        case AlwaysSample():
            return True
        case Latency(low, high):
            end = max(span.start_ns + span.duration_ns for span in trace.spans)
            duration = (end - min(span.start_ns for span in trace.spans)) // 1_000_000
            return low < duration <= high if high else duration >= low
        case SpanCount(low, high):
            return low <= len(trace.spans) <= (high or len(trace.spans))
        case StatusCode(codes):
            return any(("UNSET", "OK", "ERROR")[span.status] in codes for span in trace.spans)
        case TraceFlags():
            return any(span.flags & 1 for span in trace.spans)
        case NumericAttribute(key, low, high, invert):
            return invert != any(type(value) in (int, float) and low <= value <= high for value in _values(trace, key))
        case BooleanAttribute(key, wanted, invert):
            return invert != any(value is wanted for value in _values(trace, key))
        case StringAttribute(key, values, False, invert):
            return invert != any(value in values for value in _values(trace, key) if value and isinstance(value, str))
        case StringAttribute(key, values, True, invert):
            texts = [value for value in _values(trace, key) if value and isinstance(value, str)]
            return invert != any(re2.search(pattern, text) for pattern in values for text in texts)
    raise AssertionError(rule)


def _values(trace: Trace, key: str) -> list[object]:
    def of(span: Span) -> list[object]:
        return [place[key] for place in (span.attributes, span.resource) if key in place]

    return [value for span in trace.spans for value in of(span)]
