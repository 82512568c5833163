"""Two sets of traces, attribute by attribute, on the engine: the guilty attribute comes first."""

import asyncio
from typing import Any

import pytest

from tests.moment import NOW_S
from tests.query.engine import engine, insert
from tests.query.telemetry import span, traces
from traceo.config import Query as QuerySettings
from traceo.errors import InvalidRequest, ParseError
from traceo.query.analysis.compare import compare_sets
from traceo.query.analysis.selection import Selection
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.store.base import Signal

NOW = NOW_S * 10**9
RANGE = TimeRange(NOW - 60 * 10**9, NOW + 60 * 10**9)
MS = 10**6
SHOP = Selection(RANGE, service="shop", operation="buy")


@pytest.fixture(scope="module")
def tenant() -> str:
    """400 traces. Version 2 of the stock is slow with large baskets, and fails for one customer in ten."""
    shop: list[Any] = []
    stock: dict[str, list[Any]] = {"1.0": [], "2.0": []}
    for number in range(1, 401):
        version, items = ("2.0", "1.0")[number % 2], number % 9
        slow, failed = version == "2.0" and items > 4, version == "2.0" and number % 10 == 0
        spread = 50 + (number * 37 % 100 - 50) * (1 if slow else 0.1)
        attributes = {
            "spread": spread,
            "customer": f"c{number}",
            "region": ("eu", "us", "ap")[number // 18 % 3],
            "items": items,
        }
        at, total, status = NOW + number, (80 if slow else 20) * MS + number % 13 * 1000, {"code": 2 if failed else 0}
        shop.append(span(number, 1, at, name="buy", duration_ns=total, attributes=attributes, status=status))
        stock[version].append(span(number, 2, at, parent=1, name="take", duration_ns=total - 10 * MS))
        stock[version].append(span(number, 3, at, parent=1, name="log", duration_ns=number * 977 % 1000))
    bodies = [traces("stock", spans, {"service.version": version}) for version, spans in stock.items()]
    insert("compare", Signal.TRACES, traces("shop", shop), *bodies)
    return "compare"


def ask(tenant: str, selection: Selection, baseline: Selection, **options: Any) -> Any:
    async def work() -> Any:
        return await compare_sets(Queries(engine(), QuerySettings()), tenant, selection, baseline, **options)

    return asyncio.run(work())


def selected(**fields: Any) -> Selection:
    return Selection(**{"between": RANGE, "service": "shop", "operation": "buy", **fields})


def test_slow_against_fast_names_the_version_and_the_number(tenant: str) -> None:
    found = ask(tenant, selected(min_duration_ns=50 * MS), selected(max_duration_ns=50 * MS))
    first, second = found["attributes"][:2]
    assert {(row["scope"], row["key"]) for row in (first, second)} == {("resource", "service.version")}
    assert (first["value"], first["selection_share"], first["effect"] > 0) == ("2.0", 1.0, True)
    assert first["significant"] and first["q_value"] >= first["p_value"]
    number = found["numbers"][0]
    assert (number["key"], number["selection_median"] > 4, number["significant"]) == ("items", True, True)
    keys = [(row["key"], row["significant"]) for row in found["keys"]]
    assert set(keys[:2]) == {("service.version", True), ("items", True)}
    assert ("region", False) in keys and ("customer", False) in keys
    durations = {row["operation"]: row for row in found["durations"]}
    assert durations["take"]["effect"] == 1 and durations["take"]["selection_median"] > 69
    assert not durations["log"]["significant"]
    assert found["selection"]["traces"] + found["baseline"]["traces"] == 400


def test_values_without_a_difference_are_not_significant(tenant: str) -> None:
    found = ask(tenant, selected(min_duration_ns=50 * MS), selected())
    others = [row for row in found["attributes"] if row["key"] in ("region", "customer")]
    assert others and not any(row["significant"] for row in others)
    customers = next(row for row in found["keys"] if row["key"] == "customer")
    assert (customers["distinct_values"], customers["shown_values"]) == (400, 25)
    assert 0.7 < customers["baseline_rest_share"] <= 1
    assert found["tests"] > 400


def test_numbers_that_are_more_spread_but_not_larger_differ(tenant: str) -> None:
    found = ask(tenant, selected(min_duration_ns=50 * MS), selected(max_duration_ns=50 * MS))
    spread = next(row for row in found["numbers"] if row["key"] == "spread")
    assert abs(spread["effect"]) < 0.1 and spread["distance"] > 0.35 and spread["significant"]


SLOW = "{ resource.service.name = `shop` && duration > 50ms }"
TRACEQL = [
    (SLOW, "{ resource.service.name = `shop` && duration <= 50ms }", (88, 312)),
    ("{ name = `take` && duration > 50ms } && { span.region = `eu` }", "{ span.region = `eu` }", (32, 111)),
    ("{ resource.service.version = `2.0` } < { span.items > 4 }", "{ span.items > 4 }", (88, 88)),
    ("{ .service.version = `2.0` && parent.items > 4 }", "{ } | count() > 2", (88, 312)),
    (SLOW + " | avg(duration) > 1h", "{ }", (0, 400)),
]


@pytest.mark.parametrize(
    ("selection", "baseline", "traces_"), TRACEQL, ids=["span", "and", "structure", "parent", "no"]
)
def test_sets_by_traceql(tenant: str, selection: str, baseline: str, traces_: tuple[int, int]) -> None:
    sides = Selection(RANGE, traceql=selection), Selection(RANGE, traceql=baseline)
    if not traces_[0]:
        with pytest.raises(InvalidRequest, match="no trace is in the selection"):
            ask(tenant, *sides)
        return
    found = ask(tenant, *sides)
    assert (found["selection"]["traces"], found["baseline"]["traces"]) == traces_
    matched = ask(tenant, *sides, whole=False)
    assert (matched["selection"]["traces"], matched["baseline"]["traces"]) == traces_


def test_traceql_with_all_else_of_a_filter(tenant: str) -> None:
    """Each condition holds of the same span; quantiles are of those that meet all."""
    sides = selected(traceql="{ span.items > 4 }", min_quantile=0.5), selected(traceql="{ span.items > 4 }")
    found = ask(tenant, *sides, whole=False)
    assert found["selection"]["traces"] + found["baseline"]["traces"] == 176
    assert found["durations"][0]["effect"] == 1


def test_failed_against_good(tenant: str) -> None:
    found = ask(tenant, selected(status="error"), selected(status="unset"))
    assert found["selection"]["traces"] == 40
    ranked = [(row["key"], row["value"]) for row in found["attributes"]]
    assert ("service.version", "2.0") in ranked[:2] and ("status", "shop: error") in ranked
    assert [row["outcome"] for row in found["attributes"] if row["key"] == "status" and row["significant"]] == [
        True
    ] * 2


def test_after_against_before(tenant: str) -> None:
    """Sets may differ in time alone."""
    early, late = TimeRange(RANGE.start_ns, NOW + 201), TimeRange(NOW + 201, RANGE.end_ns)
    found = ask(tenant, selected(between=late), selected(between=early))
    assert (found["selection"]["traces"], found["baseline"]["traces"]) == (200, 200)


def test_matching_spans_alone(tenant: str) -> None:
    found = ask(tenant, selected(min_quantile=0.9), selected(max_quantile=0.5), whole=False)
    assert {row["key"] for row in found["attributes"] if row["scope"] == "resource"} == {"service.name"}
    assert [row["operation"] for row in found["durations"]] == ["buy"]


def test_the_largest_sets_fit_into_a_querys_memory() -> None:
    """What is told of a trace is not repeated for each trace: that would take gigabytes."""
    spans = [span(number, 1, NOW + number, name="buy", duration_ns=number * MS // 100) for number in range(1, 11_000)]
    insert("compare-many", Signal.TRACES, traces("shop", spans))
    found = ask("compare-many", selected(min_duration_ns=50 * MS), selected())
    assert [found[side]["traces_compared"] for side in ("selection", "baseline")] == [5000, 4999]


def test_large_sets_are_sampled_and_it_is_said(tenant: str) -> None:
    found = ask(tenant, selected(min_duration_ns=50 * MS), selected(), max_traces=30)
    assert found["sampled"] and found["baseline"]["traces_compared"] == 30
    assert found["attributes"][0]["key"] == "service.version"


@pytest.mark.parametrize(
    ("selection", "baseline", "message"),
    [
        (selected(service="none"), selected(), "no trace is in the selection"),
        (selected(), selected(), "no trace is in the baseline"),
        (selected(status="bad"), selected(), "status 'bad' is none of"),
        (selected(kind="bad"), selected(), "kind 'bad' is none of"),
        (selected(traceql="{ } | rate()"), selected(), "it must find spans"),
        (selected(traceql="{ span.items > }"), selected(), "expected"),
    ],
    ids=["empty selection", "empty baseline", "status", "kind", "series", "not TraceQL"],
)
def test_what_cannot_be_compared(tenant: str, selection: Selection, baseline: Selection, message: str) -> None:
    with pytest.raises((InvalidRequest, ParseError), match=message):
        ask(tenant, selection, baseline)
