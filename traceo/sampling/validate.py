"""What a policy set must not say: contradictions, rates of nothing, patterns that are none, names that nobody has."""

import difflib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from traceo.errors import InvalidRequest, ParseError, QueryError
from traceo.sampling.model import (
    And,
    BooleanAttribute,
    BytesLimiting,
    Composite,
    Drop,
    Dynamic,
    Latency,
    Not,
    NumericAttribute,
    OttlCondition,
    Policy,
    PolicySet,
    Probabilistic,
    RateLimiting,
    SpanCount,
    StatusCode,
    StringAttribute,
    TraceState,
)
from traceo.sampling.ottl.compiler import check_condition
from traceo.sampling.ottl.paths import check_key
from traceo.sampling.ottl.patterns import pattern_problem

STATUS_CODES = {"UNSET": 0, "OK": 1, "ERROR": 2}
ERROR_MODES = ("ignore", "silent", "propagate")
GUARANTEE = "guarantee"  # what verdicts call the set's own
ON_DEMAND = "on demand"  # and, with more behind it, what is kept whatever the policies say
MAX_PER_MINUTE = 1_000_000
LIMITERS = (RateLimiting, BytesLimiting, Composite, Dynamic)


def check_policy(policy: Policy, path: str) -> None:
    """Refuse what its own fields cannot mean. Raises InvalidRequest, ParseError, UnsupportedQuery."""
    below = f"{path}.{policy.type}"
    check = CHECKS.get(type(policy.rule))
    if check:
        check(policy.rule, below)
    _check_names(policy.parts(), below)
    if isinstance(policy.rule, Not | Drop):
        for part in policy.walk():
            if isinstance(part.rule, LIMITERS):
                _fail(below, part.type, f"cannot stand below {policy.type}: what is above a limit is no fair sample")
    for part in policy.parts():
        if isinstance(part.rule, Drop | Composite):
            _fail(below, part.type, "stands at the top only")


def check_set(policies: PolicySet) -> None:
    """Refuse what the policies together cannot mean. Raises InvalidRequest."""
    if not policies.policies:
        _fail("policies", "[]", "at least one policy is needed; always_sample keeps everything")
    _check_names(policies.policies, "policies")
    salts = {part.rule.hash_salt for part in policies.walk() if isinstance(part.rule, Probabilistic)} - {""}
    if len(salts) > 1:
        shown = ", ".join(sorted(salts))
        _fail("policies", shown, "one set has one randomness, so that counts stay right: use one hash_salt")
    _check_duplicates([part.name for part in policies.walk() if isinstance(part.rule, Dynamic)], "policies")
    if policies.guarantee and any(policy.name == GUARANTEE for policy in policies.policies):
        _fail("policies", repr(GUARANTEE), "is the name of the set's own guarantee")
    for policy in policies.policies:
        if policy.name.startswith(ON_DEMAND):
            _fail("policies", repr(policy.name), f"is no name for a policy: {ON_DEMAND!r} is what is kept without any")
    for field in ("marked_traces_per_minute", "exemplar_traces_per_minute"):
        if not 0 <= getattr(policies, field) <= MAX_PER_MINUTE:
            _fail(field, getattr(policies, field), f"must be between 0 and {MAX_PER_MINUTE}")
    if policies.decision_wait <= 0:
        _fail("decision_wait", f"{policies.decision_wait:g}s", "must be longer than nothing")


def _latency(rule: Latency, path: str) -> None:
    _at_least(rule.threshold_ms, 0, f"{path}.threshold_ms")
    _at_least(rule.upper_threshold_ms, 0, f"{path}.upper_threshold_ms")
    if rule.upper_threshold_ms and rule.upper_threshold_ms <= rule.threshold_ms:
        _fail(f"{path}.upper_threshold_ms", rule.upper_threshold_ms, f"must be above threshold_ms, {rule.threshold_ms}")


def _numeric_attribute(rule: NumericAttribute, path: str) -> None:
    _check_key(rule.key, path)
    if rule == NumericAttribute(rule.key, invert_match=rule.invert_match):
        _fail(f"{path}.min_value", "missing", "min_value, max_value or both are needed")
    if rule.min_value > rule.max_value:
        _fail(f"{path}.min_value", rule.min_value, f"must not be above max_value, {rule.max_value}")


def _boolean_attribute(rule: BooleanAttribute, path: str) -> None:
    _check_key(rule.key, path)


def _string_attribute(rule: StringAttribute, path: str) -> None:
    _check_key(rule.key, path)
    if not any(rule.values):
        _fail(f"{path}.values", list(rule.values), "at least one value that is not empty is needed")
    if rule.enabled_regex_matching:
        for number, pattern in enumerate(rule.values):
            problem = pattern_problem(pattern)
            if problem:
                _fail(f"{path}.values[{number}]", pattern, f"is no RE2 pattern: {problem}")


def _status_code(rule: StatusCode, path: str) -> None:
    if not rule.status_codes:
        _fail(f"{path}.status_codes", [], f"at least one of {', '.join(STATUS_CODES)} is needed")
    for number, code in enumerate(rule.status_codes):
        _one_of(code, STATUS_CODES, f"{path}.status_codes[{number}]")


def _probabilistic(rule: Probabilistic, path: str) -> None:
    if not 0 <= rule.sampling_percentage <= 100:
        _fail(f"{path}.sampling_percentage", rule.sampling_percentage, "must be between 0 and 100")


def _rate_limiting(rule: RateLimiting, path: str) -> None:
    _at_least(rule.spans_per_second, 1, f"{path}.spans_per_second")


def _bytes_limiting(rule: BytesLimiting, path: str) -> None:
    _at_least(rule.bytes_per_second, 1, f"{path}.bytes_per_second")
    _at_least(rule.burst_capacity, 0, f"{path}.burst_capacity")


def _span_count(rule: SpanCount, path: str) -> None:
    _at_least(rule.min_spans, 0, f"{path}.min_spans")
    _at_least(rule.max_spans, 0, f"{path}.max_spans")
    if rule.max_spans and rule.min_spans > rule.max_spans:
        _fail(f"{path}.min_spans", rule.min_spans, f"must not be above max_spans, {rule.max_spans}")


def _trace_state(rule: TraceState, path: str) -> None:
    _check_key(rule.key, path)
    if not any(rule.values):
        _fail(f"{path}.values", list(rule.values), "at least one value that is not empty is needed")


def _ottl_condition(rule: OttlCondition, path: str) -> None:
    _one_of(rule.error_mode, ERROR_MODES, f"{path}.error_mode")
    if not rule.span and not rule.spanevent:
        _fail(path, "{}", "a condition below span or spanevent is needed")
    for context, conditions in (("span", rule.span), ("spanevent", rule.spanevent)):
        for number, text in enumerate(conditions):
            try:
                check_condition(text, context)
            except QueryError as error:
                kind = ParseError if isinstance(error, ParseError) else type(error)
                message = f"{path}.{context}[{number}]: {error.message}"
                raise kind(message, position=error.position, hint=error.hint) from error


def _composite(rule: Composite, path: str) -> None:
    _at_least(rule.max_total_spans_per_second, 1, f"{path}.max_total_spans_per_second")
    names = [part.name for part in rule.composite_sub_policy]
    for number, name in enumerate(rule.policy_order):
        _one_of(name, names, f"{path}.policy_order[{number}]")
    for name, times in Counter(rule.policy_order).items():
        if times > 1:
            _fail(f"{path}.policy_order", name, "is named twice")
    for name in set(names) - set(rule.policy_order):
        _fail(f"{path}.policy_order", list(rule.policy_order), f"does not name the sub-policy {name}")
    for number, item in enumerate(rule.rate_allocation):
        _one_of(item.policy, names, f"{path}.rate_allocation[{number}].policy")
        _at_least(item.percent, 0, f"{path}.rate_allocation[{number}].percent")
    total = sum(item.percent for item in rule.rate_allocation)
    if total > 100:
        _fail(f"{path}.rate_allocation", f"{total} %", "must not be above 100 % together")
    _check_duplicates([item.policy for item in rule.rate_allocation], f"{path}.rate_allocation")
    for name, spans in rule.spans_per_second().items():
        if not spans:
            _fail(f"{path}.rate_allocation", f"{total} %", f"leaves no span a second to {name}")


def _dynamic(rule: Dynamic, path: str) -> None:
    if not rule.keys:
        _fail(
            f"{path}.keys", [], 'at least one path is needed, such as root.name or resource.attributes["service.name"]'
        )
    for number, key in enumerate(rule.keys):
        try:
            check_key(key)
        except QueryError as error:
            message = f"{path}.keys[{number}]: {error.message}"
            raise type(error)(message, position=error.position, hint=error.hint) from error
    if bool(rule.target_rate) == bool(rule.target_throughput):
        _fail(f"{path}.target_rate", rule.target_rate, "either target_rate or target_throughput is needed, not both")
    if rule.target_rate and rule.target_rate < 1:
        _fail(f"{path}.target_rate", rule.target_rate, "one trace in so many is kept: must be 1 or more")
    _at_least(rule.target_throughput, 0, f"{path}.target_throughput")
    _at_least(rule.minimum_per_key, 0, f"{path}.minimum_per_key")
    _at_least(rule.adjustment_interval, 1, f"{path}.adjustment_interval")


def _at_least_one_part(rule: And | Drop, path: str) -> None:
    (parts,) = (getattr(rule, name) for name in rule.__slots__)
    if not parts:
        _fail(f"{path}.{rule.__slots__[0]}", [], "at least one policy is needed")


CHECKS: dict[type, Callable[[Any, str], None]] = {
    Latency: _latency,
    NumericAttribute: _numeric_attribute,
    BooleanAttribute: _boolean_attribute,
    StringAttribute: _string_attribute,
    StatusCode: _status_code,
    Probabilistic: _probabilistic,
    RateLimiting: _rate_limiting,
    BytesLimiting: _bytes_limiting,
    SpanCount: _span_count,
    TraceState: _trace_state,
    OttlCondition: _ottl_condition,
    And: _at_least_one_part,
    Drop: _at_least_one_part,
    Composite: _composite,
    Dynamic: _dynamic,
}


def _fail(path: str, value: object, right: str) -> NoReturn:
    raise InvalidRequest(f"{path}: {value} {right}")


def _at_least(value: float, minimum: int, path: str) -> None:
    if value < minimum:
        _fail(path, value, f"must be {minimum} or more")


def _check_key(key: str, path: str) -> None:
    if not key:
        _fail(f"{path}.key", '""', "must name an attribute")


def _one_of(value: str, known: Iterable[str], path: str) -> None:
    names = list(known)
    if value not in names:
        near = difflib.get_close_matches(value, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        _fail(path, repr(value), f"is none of {', '.join(names)}{hint}")


def _check_names(policies: Iterable[Policy], path: str) -> None:
    _check_duplicates([policy.name for policy in policies], path)


def _check_duplicates(names: list[str], path: str) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            _fail(path, repr(name), f"is the name of {times}; names must differ")
