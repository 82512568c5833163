"""Policy sets in YAML: what is taken, what is refused and how, and that a set reads back as it was."""

import pytest

from tests.sampling.collector import COMPOSITE, PRACTICAL, README
from traceo.errors import InvalidRequest, ParseError, QueryError, UnsupportedQuery
from traceo.sampling.model import Composite, Drop, Latency, Policy, PolicySet, Probabilistic, StringAttribute
from traceo.sampling.parse import dump_policies, parse_policies

ALWAYS = "{name: a, type: always_sample}"


@pytest.mark.parametrize("text", [README, PRACTICAL, COMPOSITE, f"policies: [{ALWAYS}]"])
def test_set_reads_back_as_it_was(text: str) -> None:
    found = parse_policies(text).policies
    assert parse_policies(dump_policies(found)).policies == found


def test_collector_configuration_is_taken_whole() -> None:
    found = parse_policies(README)
    policies = found.policies.policies
    assert (len(policies), found.policies.decision_wait) == (17, 10)
    assert policies[1] == Policy("test-policy-2", Latency(5000, 10000))
    assert isinstance(policies[-2].rule, Drop) and isinstance(policies[-1].rule, Composite)
    assert policies[-1].rule.spans_per_second() == {
        "test-composite-policy-1": 500,
        "test-composite-policy-2": 250,
        "test-composite-policy-3": 250,
    }
    assert [note.split(":")[0] for note in found.notes] == [
        "num_traces",
        "expected_new_traces_per_sec",
        "decision_cache",
        "policies[6].string_attribute.cache_max_size",
    ]


def test_all_fields_of_the_set_are_read() -> None:
    text = f"""
    tail_sampling/one:
      decision_wait: 1m30.5s
      decision_wait_after_root_received: 500ms
      sample_on_first_match: true
      guarantee: true
      thin_logs: true
      sampling_strategy: trace-complete
      policies: [{ALWAYS}, {{name: p, type: probabilistic, probabilistic: {{sampling_percentage: 10, hash_salt: x}}}}]
    """
    found = parse_policies(text).policies
    assert (found.decision_wait, found.decision_wait_after_root_received) == (90.5, 0.5)
    assert found.sample_on_first_match and found.guarantee and found.thin_logs
    assert found.hash_salt == "x"
    assert parse_policies(dump_policies(found)).policies == found


def test_unquoted_values_are_texts() -> None:
    rule = parse_policies(_one("string_attribute", "{key: k, values: [404, true, no, 1.5]}")).policies.policies[0].rule
    assert isinstance(rule, StringAttribute)
    assert rule.values == ("404", "true", "no", "1.5")


def test_inverted_match_at_the_top_is_explained() -> None:
    (note,) = parse_policies(_one("string_attribute", "{key: k, values: [a], invert_match: true}")).notes
    assert note.startswith("policies[0].string_attribute.invert_match: keeps what does not match")


def _one(kind: str, fields: str) -> str:
    return f"policies: [{{name: p, type: {kind}, {kind}: {fields}}}]"


def _composite(order: str, allocation: str) -> str:
    parts = "[{name: a, type: always_sample}, {name: b, type: always_sample}]"
    return _one(
        "composite",
        f"{{max_total_spans_per_second: 10, policy_order: {order}, rate_allocation: {allocation}, "
        f"composite_sub_policy: {parts}}}",
    )


REFUSED = [
    ("{", "not YAML"),
    ("[]", "no policies: expected a tail_sampling processor"),
    ("processors: {batch: {}}", "no policies: expected a tail_sampling processor"),
    ("processors: {tail_sampling/a: {}, tail_sampling/b: {}}", "more than one tail_sampling processor"),
    ("policies: []", "policies: [] at least one policy is needed"),
    (f"{{policies: [{ALWAYS}], decision_wiat: 3s}}", "decision_wiat: unknown field; did you mean decision_wait?"),
    (f"{{policies: [{ALWAYS}], decision_wait: 3}}", "decision_wait: 3 is no duration; expected one such as 30s"),
    (f"{{policies: [{ALWAYS}], decision_wait: 0s}}", "decision_wait: 0s must be longer than nothing"),
    ("policies: [{type: always_sample}]", "policies[0].name: None is no name"),
    (f"policies: [{ALWAYS}, {ALWAYS}]", "policies: 'a' is the name of 2; names must differ"),
    ("policies: [{name: p, type: latncy}]", "policies[0].type: unknown type 'latncy'; did you mean latency?"),
    (_one("latency", "{threshold: 5}"), "policies[0].latency.threshold: unknown field; did you mean threshold_ms?"),
    (_one("latency", "{threshold_ms: -5}"), "policies[0].latency.threshold_ms: -5 must be 0 or more"),
    (_one("latency", "{threshold_ms: fast}"), "policies[0].latency.threshold_ms: 'fast' is not a whole number"),
    (
        _one("latency", "{threshold_ms: 9, upper_threshold_ms: 8}"),
        "policies[0].latency.upper_threshold_ms: 8 must be above threshold_ms, 9",
    ),
    (
        "policies: [{name: p, type: boolean_attribute, string_attribute: {key: k, value: true}}]",
        "policies[0].string_attribute: the type is boolean_attribute, so its fields belong below `boolean_attribute`",
    ),
    (_one("boolean_attribute", "{value: true}"), "policies[0].boolean_attribute.key: missing"),
    (_one("numeric_attribute", "{key: k}"), "policies[0].numeric_attribute.min_value: missing"),
    (
        _one("numeric_attribute", "{key: k, min_value: 3, max_value: 2}"),
        "policies[0].numeric_attribute.min_value: 3 must not be above max_value, 2",
    ),
    (_one("string_attribute", "{key: k, values: x}"), "policies[0].string_attribute.values: 'x' is no list"),
    (_one("string_attribute", "{key: k, values: ['']}"), "policies[0].string_attribute.values: [''] at least one"),
    (
        _one("string_attribute", "{key: k, values: [a, 'b('], enabled_regex_matching: true}"),
        "policies[0].string_attribute.values[1]: b( is no RE2 pattern: missing ): b(",
    ),
    (
        _one("string_attribute", "{key: k, values: ['((a{100}){100}){100}'], enabled_regex_matching: true}"),
        "policies[0].string_attribute.values[0]: ((a{100}){100}){100} is no RE2 pattern",
    ),
    (
        _one("status_code", "{status_codes: [ERR]}"),
        "policies[0].status_code.status_codes[0]: 'ERR' is none of UNSET, OK, ERROR; did you mean ERROR?",
    ),
    (
        _one("probabilistic", "{sampling_percentage: 101}"),
        "policies[0].probabilistic.sampling_percentage: 101.0 must be between 0 and 100",
    ),
    (_one("probabilistic", "{sampling_percentage: .nan}"), "sampling_percentage: nan is not a number"),
    (
        "policies: [{name: a, type: probabilistic, probabilistic: {hash_salt: x}},"
        " {name: b, type: probabilistic, probabilistic: {hash_salt: y}}]",
        "policies: x, y one set has one randomness",
    ),
    (_one("rate_limiting", "{spans_per_second: 0}"), "policies[0].rate_limiting.spans_per_second: 0 must be 1 or more"),
    (_one("bytes_limiting", "{bytes_per_second: 0}"), "policies[0].bytes_limiting.bytes_per_second: 0 must be 1"),
    (_one("span_count", "{min_spans: 5, max_spans: 4}"), "policies[0].span_count.min_spans: 5 must not be above"),
    (_one("trace_state", "{key: '', values: [a]}"), 'policies[0].trace_state.key: "" must name an attribute'),
    (_one("ottl_condition", "{error_mode: ignore}"), "policies[0].ottl_condition: {} a condition below span"),
    (_one("ottl_condition", "{error_mode: ignor, span: ['true']}"), "'ignor' is none of ignore, silent, propagate"),
    (_one("and", "{and_sub_policy: []}"), "policies[0].and.and_sub_policy: [] at least one policy is needed"),
    (
        _one("and", "{and_sub_policy: [{name: d, type: drop, drop: {drop_sub_policy: [" + ALWAYS + "]}}]}"),
        "policies[0].and: drop stands at the top only",
    ),
    (
        _one("not", "{not_sub_policy: {name: r, type: rate_limiting, rate_limiting: {spans_per_second: 5}}}"),
        "policies[0].not: rate_limiting cannot stand below not",
    ),
    (
        _one("and", "{and_sub_policy: [{name: l, type: latency, latency: {threshold_ms: x}}]}"),
        "policies[0].and.and_sub_policy[0].latency.threshold_ms: 'x' is not a whole number",
    ),
    (_composite("[a, c]", "[]"), "policies[0].composite.policy_order[1]: 'c' is none of a, b"),
    (_composite("[a]", "[]"), "policies[0].composite.policy_order: ['a'] does not name the sub-policy b"),
    (_composite("[a, a]", "[]"), "policies[0].composite.policy_order: a is named twice"),
    (
        _composite("[a, b]", "[{policy: a, percent: 60}, {policy: b, percent: 50}]"),
        "policies[0].composite.rate_allocation: 110 % must not be above 100 %",
    ),
    (
        _composite("[a, b]", "[{policy: a, percent: 100}]"),
        "policies[0].composite.rate_allocation: 100 % leaves no span a second to b",
    ),
    (_one("dynamic", "{keys: [root.name]}"), "policies[0].dynamic.target_rate: 0.0 either target_rate or"),
    (_one("dynamic", "{keys: [root.name], target_rate: 0.5}"), "policies[0].dynamic.target_rate: 0.5 one trace in"),
    (f"{{guarantee: true, policies: [{ALWAYS.replace('a,', 'guarantee,')}]}}", "'guarantee' is the name of the set's"),
    ("policies: " + "[" * 3000 + "]" * 3000, "not readable: nested too deeply"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[message[:60] for _, message in REFUSED])
def test_what_makes_no_sense_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_policies(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("condition", "kind", "position"),
    [("name = 1", ParseError, 5), ('nam == "x"', UnsupportedQuery, 0)],
)
def test_condition_is_refused_with_path_and_position(condition: str, kind: type[QueryError], position: int) -> None:
    with pytest.raises(kind) as caught:
        parse_policies(_one("ottl_condition", f"{{span: ['{condition}']}}"))
    assert str(caught.value).startswith("policies[0].ottl_condition.span[0]: ")
    assert caught.value.position == position


def test_unknown_key_of_dynamic_is_refused_with_its_path() -> None:
    with pytest.raises(UnsupportedQuery, match=r"policies\[0\].dynamic.keys\[0\]: nam cannot"):
        parse_policies(_one("dynamic", "{keys: [root.nam], target_rate: 5}"))


def test_levels_are_limited() -> None:
    text = ALWAYS
    for _ in range(8):
        text = f"{{name: n, type: not, not: {{not_sub_policy: {text}}}}}"
    with pytest.raises(InvalidRequest, match="more than 6 levels"):
        parse_policies(f"policies: [{text}]")


def test_model_can_be_dumped_without_having_been_read() -> None:
    found = PolicySet((Policy("p", Probabilistic(0.1)),))
    assert dump_policies(found) == (
        "policies:\n- name: p\n  type: probabilistic\n  probabilistic:\n    sampling_percentage: 0.1\n"
    )
