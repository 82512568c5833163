"""Critical paths of many traces: contributions at two quantiles, on the engine."""

import asyncio
import time
from typing import Any

import numpy as np
import pytest

from tests.query.analysis.brute_force import to_columns
from tests.query.analysis.test_critical_path import make
from tests.query.engine import engine, insert
from tests.query.telemetry import span, traces
from traceo.config import Query as QuerySettings
from traceo.errors import InvalidRequest, NotFound
from traceo.query.analysis.aggregate import compare_quantiles, find_paths, read_aggregate
from traceo.query.analysis.selection import Selection
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.store.base import Signal

NOW = time.time_ns() // 10**9 * 10**9
RANGE = TimeRange(NOW - 60 * 10**9, NOW + 60 * 10**9)
MS = 10**6


def ask(tenant: str, quantile: float = 0.9, baseline: float = 0.3, **fields: Any) -> Any:
    chosen = Selection(**{"between": RANGE, "service": "shop", "operation": "buy", **fields})

    async def work() -> Any:
        return await read_aggregate(Queries(engine(), QuerySettings()), tenant, chosen, quantile, baseline)

    return asyncio.run(work())


@pytest.fixture(scope="module")
def tenant() -> str:
    """100 traces; in the slowest 30, the call waits 50 ms longer, and the shop works 5 ms more."""
    shop: list[Any] = []
    stock: list[Any] = []
    for number in range(1, 101):
        slow, at, root = number > 70, NOW + number * 1000, number * 10
        total = 20 + number % 7 / 10 + (55 if slow else 0)
        shop.append(span(number, root, at, duration_ns=int(total * MS), name="buy"))
        call = 15 + (50 if slow else 0)
        shop.append(span(number, root + 1, at + MS, parent=root, duration_ns=call * MS, name="take", kind=3))
        begin = at + MS + (45 if slow else 2) * MS
        stock.append(span(number, root + 2, begin, parent=root + 1, duration_ns=8 * MS, name="take"))
    insert("aggregate", Signal.TRACES, traces("shop", shop), traces("stock", stock))
    return "aggregate"


def test_difference_is_laid_at_the_right_door(tenant: str) -> None:
    found = ask(tenant)
    first, second = found["contributions"][:2]
    assert (first["service"], first["operation"], first["span_kind"], first["kind"]) == (
        *("shop", "take", "client"),
        "network",
    )
    assert first["difference_ms"] == pytest.approx(50) and first["certain"]
    assert (second["operation"], second["kind"], second["certain"]) == ("buy", "own work", True)
    assert second["difference_ms"] == pytest.approx(5, abs=0.5)
    assert second["low_ms"] <= second["difference_ms"] <= second["high_ms"]
    assert int(first["examples"][0], 16) > 70
    assert (found["traces"], found["traces_read"], found["spans_read"]) == (100, 100, 300)
    assert not found["sampled"] and not found["truncated"] and not found["overlapping"]


def test_contributions_add_up_to_the_mean_durations(tenant: str) -> None:
    found = ask(tenant)
    for name in ("quantile", "baseline"):
        total = sum(row[f"at_{name}_ms"] for row in found["contributions"])
        assert total == pytest.approx(found[name]["mean_ms"])
        assert found[name]["shortest_ms"] <= total <= found[name]["longest_ms"]
    profile = found["profile"]
    last = sum(series["ms"][-1] for series in profile["series"]) + profile["rest_ms"][-1]
    assert 75 < last < 76


def test_filters_narrow_it_down(tenant: str) -> None:
    assert ask(tenant, min_duration_ns=50 * MS)["traces"] == 30
    with pytest.raises(NotFound, match="no span 'sell'"):
        ask(tenant, operation="sell")
    with pytest.raises(InvalidRequest, match="service and operation"):
        ask(tenant, service="")


def test_a_kept_trace_counts_as_many_as_it_stands_for() -> None:
    """Ten traces, one of which stands for 90: it is the median, and nearly the mean of all."""
    columns = to_columns([[make(1, 0, 0, 10 + number)] for number in range(10)])
    columns.weight[0] = 91
    found = compare_quantiles(find_paths(columns), 0.99, 0.5)
    assert found["baseline"]["stands_for"] == 100
    assert found["baseline"]["mean_ms"] == pytest.approx((91 * 10 + sum(range(11, 20))) / 100)


def test_thousands_of_traces_at_once() -> None:
    one = [make(1, 0, 0, 10), make(2, 1, 1, 8, kind=3), make(3, 2, 2, 7, service="b", kind=2)]
    paths = find_paths(to_columns([one] * 500))
    sums = np.bincount(paths.trace, paths.length)
    assert len(sums) == 500 and sums == pytest.approx(10)
