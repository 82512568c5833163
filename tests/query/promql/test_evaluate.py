"""Queries beyond the scripts: limits, tenants, late and repeated points, OTLP's histograms."""

import asyncio
from dataclasses import replace

import pytest

from tests.query.engine import engine
from traceo.config import Query
from traceo.errors import InvalidRequest, LimitExceeded, ParseError, QueryError, QueryTimeout
from traceo.query.promql.context import Budget
from traceo.query.promql.evaluate import Answer, Options, query_instant, query_range
from traceo.query.run import Queries

SETS = "INSERT INTO label_sets (tenant, metric, series_id, source_id, kind, labels) VALUES "
SAMPLES = "INSERT INTO samples (tenant, series_id, time, fractional, flags, received_at) VALUES "
HISTOGRAMS = "INSERT INTO histograms (tenant, series_id, time, count, sum, bounds, counts) VALUES "


def insert(*statements: str) -> None:
    for statement in statements:
        asyncio.run(engine().execute(statement))


def ask(tenant: str, text: str, options: Options | None = None, *, at_ms: int = 60_000) -> Answer:
    return asyncio.run(query_instant(Queries(engine(), Query()), tenant, text, at_ms, options or Options()))


def values(answer: Answer) -> dict[str, list[float]]:
    return {series.labels.get("le", series.labels.get("i", "")): series.values.tolist() for series in answer.series}


@pytest.fixture(scope="module")
def tenant() -> str:
    name = "promql-evaluate"
    sets = ", ".join(f"('{name}', 'up', {i}, {i}, 0, map('i', '{i}'))" for i in (1, 2, 3))
    points = ", ".join(f"('{name}', {i}, {10 * n}, {n * i}, 0, 1)" for i in (1, 2, 3) for n in range(7))
    insert(SETS + sets, SAMPLES + points, SETS + "('promql-other', 'up', 1, 1, 0, map('i', 'other'))")
    return name


def test_tenants_are_apart(tenant: str) -> None:
    assert ask(tenant, 'up{i="other"}').series == []
    assert ask("promql-other", "up").series == []


def test_a_point_sent_twice_counts_once_and_the_last_one_wins() -> None:
    name = "promql-twice"
    points = f"('{name}', 7, 30, 1, 0, 1), ('{name}', 7, 10, 5, 0, 1), ('{name}', 7, 30, 2, 0, 9)"
    insert(SETS + f"('{name}', 'm', 7, 7, 0, map('i', 'x'))", SAMPLES + points)
    assert values(ask(name, "count_over_time(m[1m])")) == {"x": [2]}
    assert values(ask(name, "m")) == {"x": [2]}


def test_no_recorded_value_ends_a_series() -> None:
    name = "promql-flags"
    points = f"('{name}', 8, 30, 1, 0, 1), ('{name}', 8, 40, 0, 1, 1)"
    insert(SETS + f"('{name}', 'm', 8, 8, 0, map())", SAMPLES + points)
    assert ask(name, "m").series == []
    assert values(ask(name, "count_over_time(m[1m])")) == {"": [1]}


def test_an_otlp_histogram_is_read_as_its_buckets() -> None:
    name = "promql-otlp"
    bounds = ((50, "1"), (51, "2"), (52, "+Inf"))
    sets = ", ".join(f"('{name}', 'h_bucket', {i}, 500, 3, map('le', '{le}'))" for i, le in bounds)
    points = ", ".join(f"('{name}', 500, {t}, {4 * n}, {n}, [1, 2], [{n}, {2 * n}, {n}])" for t, n in ((0, 0), (60, 6)))
    insert(SETS + sets, HISTOGRAMS + points)
    assert values(ask(name, "h_bucket")) == {"1": [6], "2": [18], "+Inf": [24]}
    assert values(ask(name, "histogram_quantile(0.5, increase(h_bucket[2m]))")) == {"": [1.5]}


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        ("up[1m]", {"max_samples": 10}, QueryError, "would load too many samples into memory in query execution"),
        ("sum_over_time(up[200y:1ms])", {}, QueryError, "would load too many samples"),
        ("up", {"max_series": 2}, LimitExceeded, "more than 2 series"),
        ("-{i=~'.*', __name__='up'} + ignoring(i) up", {}, QueryError, "many-to-many matching not allowed"),
        ("label_replace(up, 'i', 'x', '', '')", {}, QueryError, "vector cannot contain metrics with the same labelset"),
    ],
)
def test_what_cannot_be_answered_says_why(
    tenant: str, text: str, options: dict[str, float], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ask(tenant, text, replace(Options(), **options))


@pytest.mark.parametrize(
    ("text", "start", "end", "step", "message"),
    [
        ("up[1m]", 0, 1000, 1000, "must be Scalar or instant Vector"),
        ("up", 0, 1000, 0, "the step must be positive"),
        ("up", 1000, 0, 1000, "end may not lie before the start"),
        ("up", 0, 10**12, 1, "choose a longer step"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(text: str, start: int, end: int, step: int, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        asyncio.run(query_range(Queries(engine(), Query()), "t", text, start, end, step, Options()))


def test_a_long_chain_of_operators_is_evaluated_or_refused(tenant: str) -> None:
    assert values(ask(tenant, "up{i='1'} + 0" + " + 1" * 50)) == {"1": [56]}
    with pytest.raises(QueryError, match="nested too deeply"):
        ask(tenant, "up" + " + 1" * 5000)


def test_range_and_instant_queries_agree(tenant: str) -> None:
    text = "sum by (i) (rate(up[30s])) / 2 > 0"
    ranged = asyncio.run(query_range(Queries(engine(), Query()), tenant, text, 30_000, 60_000, 10_000, Options()))
    for series in ranged.series:
        for time, value in zip(series.times_ms.tolist(), series.values.tolist(), strict=True):
            assert values(ask(tenant, text, at_ms=time))[series.labels["i"]] == [value]


def test_a_query_ends_at_its_deadline() -> None:
    with pytest.raises(QueryTimeout, match="query timed out in expression evaluation"):
        Budget(samples=10, deadline=0).spend(1)


def test_bytes_that_are_no_text_are_looked_for_as_they_are(tenant: str) -> None:
    assert ask(tenant, 'up{i="\\xff"}').series == []
    assert len(ask(tenant, 'up{i!="\\xff"}').series) == 3
    with pytest.raises(ParseError, match="invalid UTF-8"):
        ask(tenant, 'up{i=~"\\xff"}')
    with pytest.raises(QueryError, match="invalid regular expression"):
        ask(tenant, 'label_replace(up, "a", "", "i", "\\xff")')
