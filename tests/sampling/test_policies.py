"""Each policy on the engine: which of some traces it keeps, and with which threshold."""

import itertools
from typing import Any

import pytest

from tests.sampling.traces import Span, Trace, judge, kept, share, store
from traceo.sampling.thresholds import NEVER, threshold_of_percentage

numbers = itertools.count()
MS = 1_000_000
LONG = "x" * 200


@pytest.fixture
def tenant() -> str:
    return f"sampling-{next(numbers)}"


def policy(kind: str, fields: str = "{}", name: str = "p") -> str:
    return f"{{name: {name}, type: {kind}, {kind}: {fields}}}"


def policies(*items: str, top: str = "") -> str:
    return f"{top}\npolicies: [{', '.join(items)}]"


def with_attribute(value: Any) -> Span:
    return Span(attributes={"k": value})


def with_state(text: str) -> Span:
    return Span(trace_state=text)


SPANS: dict[str, Span] = {
    "plain": Span(),
    "error": Span(status=2),
    "ok": Span(status=1),
    "sampled": Span(flags=0x101),
    "slow": Span(duration_ns=700 * MS + 5),
    "k=a": with_attribute("a"),
    "k=abc": with_attribute("abc"),
    "k=long": with_attribute(LONG),
    "k=empty": with_attribute(""),
    "k=line": with_attribute("a\nc"),
    "k=7": with_attribute(7),
    "k=300": with_attribute(300),
    "k=-2": with_attribute(-2),
    "k=7.5": with_attribute(7.5),
    "k=true": with_attribute(True),
    "k=false": with_attribute(False),
    "on resource": Span(resource={"k": "a", "n": 7, "b": True}),
    "state a": with_state("x=1, k=a ,y=2"),
    "state b": with_state("kk=a,k=b"),
}
CASES = [
    ("always_sample", "{}", set(SPANS)),
    ("latency", "{threshold_ms: 700}", {"slow"}),
    ("latency", "{threshold_ms: 701}", set()),
    ("latency", "{threshold_ms: 699, upper_threshold_ms: 700}", {"slow"}),
    ("latency", "{threshold_ms: 700, upper_threshold_ms: 900}", set()),
    ("numeric_attribute", "{key: k, min_value: 7, max_value: 299}", {"k=7", "k=7.5"}),
    ("numeric_attribute", "{key: k, max_value: 0}", {"k=-2"}),
    ("numeric_attribute", "{key: k, min_value: 300}", {"k=300"}),
    ("numeric_attribute", "{key: n, min_value: 7, max_value: 7}", {"on resource"}),
    (
        "numeric_attribute",
        "{key: k, min_value: -5, invert_match: true}",
        set(SPANS) - {"k=7", "k=300", "k=-2", "k=7.5"},
    ),
    ("boolean_attribute", "{key: k, value: true}", {"k=true"}),
    ("boolean_attribute", "{key: k, value: false}", {"k=false"}),
    ("boolean_attribute", "{key: b, value: true}", {"on resource"}),
    ("boolean_attribute", "{key: k, value: true, invert_match: true}", set(SPANS) - {"k=true"}),
    ("string_attribute", "{key: k, values: [a, zzz]}", {"k=a", "on resource"}),
    ("string_attribute", f"{{key: k, values: [{LONG}]}}", {"k=long"}),
    ("string_attribute", "{key: k, values: ['^x+$', '^ab'], enabled_regex_matching: true}", {"k=long", "k=abc"}),
    ("string_attribute", "{key: k, values: ['^a.c$'], enabled_regex_matching: true}", {"k=abc"}),
    ("string_attribute", "{key: k, values: ['7'], enabled_regex_matching: true}", set()),
    ("string_attribute", "{key: k, values: [7]}", set()),
    ("string_attribute", "{key: k, values: [a], invert_match: true}", set(SPANS) - {"k=a", "on resource"}),
    ("string_attribute", "{key: service.name, values: [shop]}", set(SPANS)),
    ("status_code", "{status_codes: [ERROR]}", {"error"}),
    ("status_code", "{status_codes: [OK, UNSET]}", set(SPANS) - {"error"}),
    ("trace_flags", "{}", {"sampled"}),
    ("trace_state", "{key: k, values: [a, c]}", {"state a"}),
    ("trace_state", "{key: k, values: [b]}", {"state b"}),
    ("span_count", "{min_spans: 2}", set()),
    ("span_count", "{min_spans: 1, max_spans: 1}", set(SPANS)),
    ("ottl_condition", "{span: ['attributes[\"k\"] == 7', 'status.code == STATUS_CODE_OK']}", {"k=7", "ok"}),
    ("and", f"{{and_sub_policy: [{policy('status_code', '{status_codes: [ERROR]}')}]}}", {"error"}),
    ("not", f"{{not_sub_policy: {policy('status_code', '{status_codes: [ERROR]}')}}}", set(SPANS) - {"error"}),
]


@pytest.fixture(scope="module")
def votes() -> dict[str, list[str]]:
    """Which cases would keep which span's trace, asked all at once: case number n is policy `c<n>`."""
    store("sampling-cases", [Trace(place + 1, (span,)) for place, span in enumerate(SPANS.values())])
    text = policies(*(policy(kind, fields, f"c{number}") for number, (kind, fields, _) in enumerate(CASES)))
    rows = judge("sampling-cases", text)
    return {name: rows[place + 1]["votes"] for place, name in enumerate(SPANS)}


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{kind} {fields}" for kind, fields, _ in CASES])
def test_policy_keeps_what_it_describes(number: int, votes: dict[str, list[str]]) -> None:
    assert {name for name, found in votes.items() if f"c{number}" in found} == CASES[number][2]


def test_content_is_kept_or_not_whatever_the_randomness(tenant: str) -> None:
    store(tenant, [Trace(1, (Span(status=2),)), Trace(2)])
    rows = judge(tenant, policies(policy("status_code", "{status_codes: [ERROR]}")))
    assert [(rows[at]["threshold"], rows[at]["policy"]) for at in (1, 2)] == [(0, "p"), (NEVER, "")]


def test_inverted_match_is_about_the_whole_trace(tenant: str) -> None:
    store(tenant, [Trace(1, (with_attribute("a"), with_attribute("b"))), Trace(2, (with_attribute("b"), Span()))])
    assert kept(tenant, policies(policy("string_attribute", "{key: k, values: [a], invert_match: true}"))) == [2]


def test_latency_is_from_the_first_start_to_the_last_end(tenant: str) -> None:
    store(tenant, [Trace(1, (Span(), Span(start_ns=500 * MS))), Trace(2, (Span(duration_ns=500 * MS), Span()))])
    assert kept(tenant, policies(policy("latency", "{threshold_ms: 501}"))) == [1]


def test_row_describes_the_trace(tenant: str) -> None:
    store(tenant, [Trace(5, (Span(), Span(parent=1, attributes={"long": LONG})), second=3)])
    row = judge(tenant, policies(policy("always_sample"), policy("trace_flags", name="q")))[5]
    assert (row["spans"], row["has_root"], row["randomness"], row["votes"]) == (2, 1, 5, ["p"])
    assert 100 < row["bytes"] < 1000
    exact = judge(tenant, policies(policy("bytes_limiting", "{bytes_per_second: 100000}")))[5]["bytes"]
    assert 350 < exact < 700


def test_share_keeps_the_highest_randomness_and_says_its_threshold(tenant: str) -> None:
    store(tenant, [Trace(share(part)) for part in (0.1, 0.7, 0.8, 0.99)])
    rows = judge(tenant, policies(policy("probabilistic", "{sampling_percentage: 25}")))
    assert [row["keep"] for _, row in sorted(rows.items())] == [0, 0, 1, 1]
    assert {row["threshold"] for row in rows.values()} == {3 << 54}
    rest = policy("not", f"{{not_sub_policy: {policy('probabilistic', '{sampling_percentage: 25}')}}}")
    assert {row["threshold"] for row in judge(tenant, policies(rest)).values()} == {1 << 54}


def test_and_is_the_maximum_and_the_set_the_minimum(tenant: str) -> None:
    store(tenant, [Trace(share(0.6), (Span(status=2),)), Trace(share(0.95)), Trace(share(0.5))])
    half = policy("probabilistic", "{sampling_percentage: 50}", "half")
    errors = policy("status_code", "{status_codes: [ERROR]}", "errors")
    both = policy("and", f"{{and_sub_policy: [{half}, {errors}]}}", "both")
    tenth = policy("probabilistic", "{sampling_percentage: 10}", "tenth")
    rows = judge(tenant, policies(both, tenth))
    assert rows[share(0.6)]["votes"] == ["both"] and rows[share(0.6)]["threshold"] == 1 << 55
    assert rows[share(0.95)]["policy"] == "tenth" and not rows[share(0.5)]["keep"]


def test_drop_wins_and_takes_nothing_from_a_limit(tenant: str) -> None:
    store(tenant, [Trace(3, (with_attribute("health"),)), Trace(2), Trace(1)])
    health = policy("string_attribute", "{key: k, values: [health]}")
    drop = policy("drop", f"{{drop_sub_policy: [{health}]}}", "no-health")
    rows = judge(tenant, policies(policy("rate_limiting", "{spans_per_second: 1}"), drop))
    assert [at for at, row in rows.items() if row["keep"]] == [2]
    assert rows[3]["policy"] == "no-health" and rows[3]["threshold"] == NEVER


def test_limit_takes_traces_by_randomness_within_each_second(tenant: str) -> None:
    three = (Span(), Span(parent=1), Span(parent=1))
    store(tenant, [Trace(9), Trace(8, three), Trace(7), Trace(6), Trace(5, second=1), Trace(10, three * 2)])
    rows = judge(tenant, policies(policy("rate_limiting", "{spans_per_second: 5}")))
    assert [at for at, row in sorted(rows.items()) if row["keep"]] == [5, 7, 8, 9]
    assert rows[7]["threshold"] == 7 and rows[5]["threshold"] == 0
    assert rows[10]["threshold"] == NEVER  # alone larger than the limit: never kept, and in nobody's way


def test_bytes_may_come_at_once_within_the_burst(tenant: str) -> None:
    store(tenant, [Trace(at, second=at % 2) for at in range(1, 9)])
    size = judge(tenant, policies(policy("bytes_limiting", "{bytes_per_second: 100000}")))[1]["bytes"]
    limit = policy("bytes_limiting", f"{{bytes_per_second: {2 * size}, burst_capacity: {4 * size}}}")
    assert kept(tenant, policies(limit)) == [5, 6, 7, 8]


def test_limit_in_and_counts_only_what_the_others_keep(tenant: str) -> None:
    store(tenant, [Trace(9), Trace(8, (Span(status=2),)), Trace(7, (Span(status=2),))])
    errors = policy("status_code", "{status_codes: [ERROR]}", "errors")
    both = policy("and", f"{{and_sub_policy: [{policy('rate_limiting', '{spans_per_second: 1}')}, {errors}]}}")
    assert kept(tenant, policies(both)) == [8]


@pytest.mark.parametrize(("first_match", "expected"), [("false", [8, 9]), ("true", [7, 8, 9])])
def test_first_match_spares_later_limits(tenant: str, first_match: str, expected: list[int]) -> None:
    store(tenant, [Trace(9, (Span(status=2),)), Trace(8, (Span(status=2),)), Trace(7), Trace(6)])
    errors = policy("status_code", "{status_codes: [ERROR]}", "errors")
    limit = policy("rate_limiting", "{spans_per_second: 1}")
    assert kept(tenant, policies(errors, limit, top=f"sample_on_first_match: {first_match}")) == expected


def test_composite_gives_each_trace_to_the_first_that_takes_it(tenant: str) -> None:
    store(tenant, [Trace(at, (Span(status=2 if at > 5 else 0),)) for at in range(1, 11)])
    body = (
        "{max_total_spans_per_second: 4, policy_order: [errors, rest],"
        " rate_allocation: [{policy: errors, percent: 75}],"
        f" composite_sub_policy: [{policy('status_code', '{status_codes: [ERROR]}', 'errors')},"
        f" {policy('always_sample', name='rest')}]}}"
    )
    assert kept(tenant, policies(policy("composite", body))) == [5, 8, 9, 10]


def test_randomness_and_threshold_of_a_trace_state_are_respected(tenant: str) -> None:
    stated = with_state("a=b,ot=th:8;rv:ffffffffffffff,c=d")
    mixed = (with_state("ot=th:c"), with_state("ot=th:4"))
    lies = with_state("ot=th:8")
    store(tenant, [Trace(1, (stated,)), Trace(share(0.9), mixed), Trace(2, (lies,))])
    rows = judge(tenant, policies(policy("always_sample")))
    assert (rows[1]["randomness"], rows[1]["threshold"]) == (NEVER - 1, 1 << 55)
    assert rows[share(0.9)]["threshold"] == 1 << 54  # the trace is there if its least sampled span is
    assert (rows[2]["keep"], rows[2]["threshold"]) == (1, 0)  # R < th cannot be: the statement is ignored
    rows = judge(tenant, policies(policy("probabilistic", "{sampling_percentage: 25}")))
    assert rows[1]["threshold"] == 3 << 54


def test_salt_makes_another_randomness_above_the_incoming_threshold(tenant: str) -> None:
    found = [Trace(share(0.5 + at / 1000), (with_state("ot=th:8"),)) for at in range(400)]
    store(tenant, found)
    salted = policy("probabilistic", "{sampling_percentage: 25, hash_salt: pepper}")
    rows = judge(tenant, policies(salted)).values()
    assert all(1 << 55 <= row["randomness"] < NEVER for row in rows)
    assert 160 < sum(row["keep"] for row in rows) < 240  # half of what was half already
    assert {row["threshold"] for row in rows} == {threshold_of_percentage(25)}


def test_guarantee_keeps_one_trace_of_each_combination(tenant: str) -> None:
    common, rare = Span(name="a"), Span(name="rare", parent=1)
    found = [Trace(9, (common,)), Trace(8, (common,)), Trace(7, (common, rare)), Trace(5, (common,), second=400)]
    dropped = Trace(10, (Span(name="a", attributes={"k": "no"}),))
    store(tenant, [*found, dropped])
    drop = policy("drop", f"{{drop_sub_policy: [{policy('string_attribute', '{key: k, values: [no]}')}]}}", "d")
    text = policies(policy("trace_flags"), drop, top="guarantee: true")
    rows = judge(tenant, text)
    assert [at for at, row in sorted(rows.items()) if row["keep"]] == [5, 7, 9]
    assert [rows[at]["threshold"] for at in (9, 7, 5)] == [9, 0, 0] and rows[7]["policy"] == "guarantee"
    seen = "SELECT toDateTime(1790000100) AS window, 'shop' AS service, 'a' AS name, 0 AS status_code"
    assert kept(tenant, text, seen=seen) == [5, 7]


def dynamic(fields: str) -> str:
    return policies(policy("dynamic", f"{{keys: [root.name], {fields}}}", "by-name"))


def averages(**traces: int) -> str:
    rows = ", ".join(f"('{name}', {count})" for name, count in traces.items())
    return f"SELECT 'by-name' AS policy, key, traces, 0 AS kept FROM VALUES('key String, traces Float64', {rows})"


def test_dynamic_thins_frequent_keys_more(tenant: str) -> None:
    store(tenant, [Trace(share(0.5) + at, (Span(name=name),)) for at, name in enumerate(("often", "seldom", "new"))])
    rows = judge(tenant, dynamic("target_rate: 10, minimum_per_key: 0"), counts=averages(often=10000, seldom=10))
    shares = {row["keys"][0][1]: 1 - row["threshold"] / NEVER for row in rows.values()}
    assert shares["seldom"] == shares["new"] == 1
    assert 0.099 < shares["often"] < 0.0992  # 1001 in all, of which 10 are `seldom`
    rows = judge(tenant, dynamic("target_rate: 10, minimum_per_key: 0"))
    assert {round(1 - row["threshold"] / NEVER, 6) for row in rows.values()} == {0.1}


@pytest.mark.parametrize("counts", ["", averages(often=100), f"SELECT * FROM ({averages(often=100)}) WHERE traces = 0"])
def test_dynamic_stands_beside_and_below_other_policies(tenant: str, counts: str) -> None:
    store(tenant, [Trace(share(0.99), (Span(status=2),)), Trace(share(0.1))])
    errors = policy("status_code", "{status_codes: [ERROR]}", "errors")
    by_name = policy("dynamic", "{keys: [root.name], target_rate: 2}", "by-name")
    both = policy("and", f"{{and_sub_policy: [{by_name}, {errors}]}}", "both")
    salted = policy("probabilistic", "{sampling_percentage: 0, hash_salt: x}", "none")
    drop = policy("drop", f"{{drop_sub_policy: [{policy('span_count', '{min_spans: 9}')}]}}", "d")
    rows = judge(tenant, policies(both, salted, drop, top="guarantee: true"), counts=counts)
    assert rows[share(0.99)]["votes"] == ["both", "guarantee"] and rows[share(0.1)]["votes"] == ["guarantee"]


def test_dynamic_throughput_is_a_limit_and_its_minimum_is_exempt(tenant: str) -> None:
    found = [Trace(at, (Span(name="a" if at > 2 else "b"),)) for at in range(1, 11)]
    store(tenant, found)
    assert kept(tenant, dynamic("target_throughput: 3, minimum_per_key: 0")) == [8, 9, 10]
    assert kept(tenant, dynamic("target_throughput: 3, minimum_per_key: 1")) == [2, 8, 9, 10]


def test_dynamic_keys_are_read_from_roots_spans_and_resources(tenant: str) -> None:
    root = Span(name="root", attributes={"route": "/a"}, resource={"team": "x"})
    child = Span(name="child", parent=1, attributes={"n": 5}, service="db", resource={"team": "y"})
    store(tenant, [Trace(1, (root, child))])
    keys = (
        """['root.attributes["route"]', span.name, 'attributes["n"]', 'resource.attributes["team"]', """
        """'root.resource.attributes["service.name"]']"""
    )
    text = policies(f"{{name: d, type: dynamic, dynamic: {{keys: {keys}, target_rate: 2}}}}")
    assert judge(tenant, text)[1]["keys"] == [("d", "/a | child, root | 5 | x, y | shop")]
