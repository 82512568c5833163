"""Policy documents that are hostile, contradictory or huge are refused with the path, in a short answer."""

import time

import pytest

from traceo.errors import InvalidRequest, QueryError
from traceo.policies.model import MAX_DOCUMENT, read_document


def one(kind: str, fields: str, name: str = "a") -> str:
    return f"policies: [{{name: {name}, type: {kind}, {kind}: {{{fields}}}}}]"


def pattern(text: str) -> str:
    return one("string_attribute", f"{REGEX}, values: ['{text}']")


REGEX = "key: k, enabled_regex_matching: true"
HEAVY = [f"(x{{800}}){number}" for number in range(1000)]  # each is harmless
MANY = "policies:\n" + "\n".join(
    f"- {{name: p{number}, type: string_attribute, string_attribute: {{key: k{number}, values: [x]}}}}"
    for number in range(900)
)
COMPOSITE = "max_total_spans_per_second: 100, composite_sub_policy: [{name: a, type: always_sample}]"
SHARED = "[" + ", ".join(["&l0 [x, x]", *(f"&l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12))]) + "]"
REFUSED = {
    "unknown type": (one("latencyy", "threshold_ms: 5"), "policies[0].type: unknown type 'latencyy'; did you mean"),
    "unknown field": (one("latency", "threshold: 5"), "latency.threshold: unknown field; did you mean threshold_ms?"),
    "unknown field of the set": (f"decision_waits: 5s\n{one('latency', '')}", "decision_waits: unknown field; did you"),
    "no pattern": (pattern("(a"), "policies[0].string_attribute.values[0]: (a is no RE2 pattern: missing )"),
    "look-ahead": (pattern("(?=a)b"), "is no RE2 pattern: invalid perl operator: (?="),
    "pattern that explodes": (pattern("(a{1000}){1000}"), "is no RE2 pattern: invalid repetition size"),
    "pattern that explodes late": (pattern("(((a{30}){30}){30})"), "is no RE2 pattern: "),
    "patterns that explode together": (one("string_attribute", f"{REGEX}, values: {HEAVY}"), "are too much together: "),
    "pattern of a megabyte": (pattern("ab|" * 350_000), f"{MAX_DOCUMENT} is the most"),
    "long pattern that is none": (pattern("(" * 200_000), "is no RE2 pattern"),
    "pattern of OTTL": (one("ottl_condition", "span: ['IsMatch(name, \"(a{1000}){1000}\")']"), "is no RE2 pattern"),
    "more than all": (one("probabilistic", "sampling_percentage: 100.5"), "must be between 0 and 100"),
    "less than nothing": (one("probabilistic", "sampling_percentage: -1"), "must be between 0 and 100"),
    "not a number": (one("probabilistic", "sampling_percentage: .nan"), "nan is not a number"),
    "rate of nothing": (one("rate_limiting", "spans_per_second: 0"), "spans_per_second: 0 must be 1 or more"),
    "bytes of nothing": (one("bytes_limiting", "bytes_per_second: 0"), "bytes_per_second: 0 must be 1 or more"),
    "target of nothing": (one("dynamic", "keys: [root.name], target_rate: 0"), "either target_rate or"),
    "negative target": (one("dynamic", "keys: [root.name], target_rate: -2"), "must be 1 or more"),
    "two targets": (one("dynamic", "keys: [root.name], target_rate: 2, target_throughput: 3"), "not both"),
    "upper below lower": (one("latency", "threshold_ms: 500, upper_threshold_ms: 100"), "must be above threshold_ms"),
    "min above max": (one("numeric_attribute", "key: k, min_value: 2, max_value: 1"), "must not be above max_value, 1"),
    "more spans than spans": (one("span_count", "min_spans: 9, max_spans: 3"), "must not be above max_spans, 3"),
    "more than a composite has": (
        one("composite", f"{COMPOSITE}, policy_order: [a], rate_allocation: [{{policy: a, percent: 101}}]"),
        "rate_allocation: 101 % must not be above 100 % together",
    ),
    "composite of nobody": (one("composite", f"{COMPOSITE}, policy_order: [b]"), "policy_order[0]: 'b' is none of a"),
    "shared nothing": (one("string_attribute", f"values: {SHARED}, key: *l11"), "is not a text"),
    "line in a name": (one("always_sample", "", name='"a\\nb"'), "policies[0].name: 'a\\nb' must have at most"),
    "zero in a name": (one("always_sample", "", name='"a\\0b"'), "none for control"),
    "half a letter": (one("always_sample", "", name='"\\ud800"'), "half of a surrogate pair"),
    "half a value": (one("string_attribute", 'key: k, values: ["\\udfff"]'), "values[0]: '\\udfff' is not a text"),
    "name without end": (one("always_sample", "", name="x" * 100_000), "must have at most 250 characters"),
    "statement that no engine reads": (MANY, "is the most. Fewer policies"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_document_that_makes_no_sense_is_refused_in_a_short_answer(name: str) -> None:
    document, expected = REFUSED[name]
    started = time.process_time()
    with pytest.raises((InvalidRequest, QueryError)) as refused:
        read_document(document)
    assert expected in str(refused.value)
    assert len(str(refused.value)) < 700
    assert time.process_time() - started < 10, "refusing took too long"
