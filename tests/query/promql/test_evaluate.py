"""Queries beyond the scripts: limits, tenants, late and repeated points, OTLP's histograms."""

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from tests.query.engine import engine
from traceo.config import Query
from traceo.errors import InvalidRequest, LimitExceeded, ParseError, QueryError, QueryTimeout
from traceo.query.promql.context import Budget
from traceo.query.promql.evaluate import Answer, Options, query_instant, query_range
from traceo.query.promql.fetch import FEW_SERIES, THIN_FROM_MS
from traceo.query.promql.presence import Presence
from traceo.query.recent import RecentTables
from traceo.query.run import Queries

grid = Presence.grid
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


def test_limit_ratio_keeps_the_series_that_prometheus_keeps(tenant: str) -> None:
    texts = {i: f"\x08__name__\x02up\x01i\x01{i}" for i in (1, 2, 3)}
    hashes = {i: asyncio.run(engine().query("SELECT xxHash64({t:String}) AS h", {"t": t})) for i, t in texts.items()}
    places = {str(i): table["h"][0].as_py() / 2**64 for i, table in hashes.items()}
    for ratio in (place + 1e-9 for place in places.values()):
        kept = {i for i, place in places.items() if place < ratio}
        assert values(ask(tenant, f"limit_ratio({ratio}, up)")).keys() == kept
        assert values(ask(tenant, f"limit_ratio({ratio - 1}, up)")).keys() == places.keys() - kept


def test_limit_ratio_looks_at_names_that_are_still_there(tenant: str) -> None:
    table = asyncio.run(engine().query("SELECT xxHash64({t:String}) AS h", {"t": "\x01i\x011"}))
    place = table["h"][0].as_py() / 2**64
    for ratio, found in ((place, 0), (place + 1e-9, 1)):
        assert len(ask(tenant, f'limit_ratio({ratio:.17g}, abs(up{{i="1"}}))').series) == found


def test_a_point_sent_twice_counts_once_and_the_last_one_wins() -> None:
    name = "promql-twice"
    points = f"('{name}', 7, 30, 1, 0, 1), ('{name}', 7, 10, 5, 0, 1), ('{name}', 7, 30, 2, 0, 9)"
    insert(SETS + f"('{name}', 'm', 7, 7, 0, map('i', 'x'))", SAMPLES + points)
    assert values(ask(name, "count_over_time(m[1m])")) == {"x": [2]}
    assert values(ask(name, "m")) == {"x": [2]}


@pytest.mark.parametrize(
    ("count", "factor"),
    [(FEW_SERIES, 1), (FEW_SERIES + 1, (1 << 40) + 1), (FEW_SERIES + 1, 1 << 40)],
    ids=["few", "many", "many, lower halves of ids the same"],
)
def test_few_and_many_series_are_read_alike(count: int, factor: int) -> None:
    """Also stale ones, by flag and by value, and points before 1970."""
    name = f"promql-{count}-{factor}"
    stale = "reinterpretAsFloat64(toUInt64(0x7FF0000000000002))"
    ids = [n * factor for n in range(1, count + 1)]
    sets = ", ".join(f"('{name}', 'm', {number}, {number}, 0, map('i', '{number}'))" for number in ids)
    points = [f"('{name}', {number}, {at}, {at}.5, 0, 1)" for number in ids for at in (-20, 10)]
    points += [f"('{name}', {ids[0]}, 20, 0, 1, 1)", f"('{name}', {ids[1]}, 20, {stale}, 0, 1)"]
    insert(SETS + sets, SAMPLES + ", ".join(points))
    assert values(ask(name, "m")) == {str(number): [10.5] for number in ids[2:]}
    assert values(ask(name, "sum_over_time(m[2m])")) == {str(number): [-10.0] for number in ids}


def test_a_series_that_is_new_since_the_last_time_is_found() -> None:
    """Those of the last time are read before it is known whether there are others."""
    name, queries = "promql-new-series", Queries(engine(), Query())
    queries.recent_series = RecentTables(max_age_s=0)
    for count in (1, 1, 2):
        insert(SETS + f"('{name}', 'm', {count}, {count}, 0, map('i', '{count}'))")
        insert(SAMPLES + f"('{name}', {count}, 30, {count}, 0, 1)")
        answer = asyncio.run(query_instant(queries, name, "m", 60_000, Options()))
        assert values(answer) == {str(number): [number] for number in range(1, count + 1)}
    with pytest.raises(QueryError, match="too many samples"):
        asyncio.run(query_instant(queries, name, "m", 60_000, Options(max_samples=1)))


@pytest.fixture(scope="module")
def crowd() -> str:
    """More than FEW_SERIES, at uneven times, in two parts that overlap, some of them stale or repeated."""
    name, rnd = "promql-crowd", random.Random(4)
    ids = range(1, FEW_SERIES + 21)
    insert(SETS + ", ".join(f"('{name}', 'm', {n}, {n}, 0, map('i', '{n}', 'odd', '{n % 2}'))" for n in ids))
    for received in (1, 2):
        points = []
        for n in ids:
            at = rnd.randrange(-300, 0) if n % 7 else rnd.randrange(900)
            while at < 900 and (n % 11 or at < 400):
                stale = rnd.random() < 0.05
                points.append(f"('{name}', {n}, {at}, {rnd.randrange(1000)}.5, {int(stale)}, {received})")
                at += rnd.choice((7, 15, 31, 120))
        insert(SAMPLES + ", ".join(points))
    return name


@pytest.fixture(scope="module")
def lively() -> str:
    """More than FEW_SERIES, with gaps, at uneven times with fractions of milliseconds, none of them stale."""
    name, rnd = "promql-lively", random.Random(5)
    ids, points = range(1, FEW_SERIES + 31), []
    for n in ids:
        at = rnd.randrange(400, 1300) if n % 5 else 1000
        while at < 2200:
            points.append(f"('{name}', {n}, {at + rnd.choice((0, 0.0005, 0.999999999))}, {n}.5, 0, 1)")
            at += rnd.choice((15, 60, 299, 300, 301, 450)) if n % 3 else 60
    insert(
        SETS + ", ".join(f"('{name}', 'm', {n}, {n}, 0, map('i', '{n}', 'odd', '{n % 2}'))" for n in ids),
        SAMPLES + ", ".join(points),
    )
    return name


@pytest.mark.parametrize("step_s", [37, 60])
@pytest.mark.parametrize(
    "text",
    [
        "m",
        "count by (odd) (m)",
        "group(m offset 1m)",
        "sum by (odd) (m) / count by (odd) (m)",
        "timestamp(m)",
        "m @ 300",
        "sum_over_time(m[5m:45s])",
        "sum by (odd) (count_over_time(m[3m])) - count by (odd) (m)",
    ],
)
def test_points_that_no_step_looks_at_may_be_left_out(
    crowd: str, text: str, step_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, found = (7_000, 850_000, step_s * 1000), []
    for thin_from_ms in (THIN_FROM_MS, 1 << 40):
        monkeypatch.setattr("traceo.query.promql.fetch.THIN_FROM_MS", thin_from_ms)
        answer = asyncio.run(query_range(Queries(engine(), Query()), crowd, text, *window, Options()))
        found.append([(one.labels, one.times_ms.tolist(), one.values.tolist()) for one in answer.series])
    assert found[0] == found[1]
    assert found[0]


@pytest.mark.parametrize("step_s", [15, 37, 120, 600])
@pytest.mark.parametrize(
    "text",
    [
        "count by (odd) (m)",
        "group by (i) (m offset 90s)",
        "count(m @ 1300)",
        "max_over_time(count(m)[7m:45s])",
        "sum(last_over_time(m[1m])) / count(m)",
    ],
)
def test_the_engine_alone_counts_as_points_do(
    lively: str, text: str, step_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[Presence] = []

    def note_and_grid(presence: Presence, *args: Any) -> Any:
        used.append(presence)
        return grid(presence, *args)

    window, found = (800_000, 2_500_000, step_s * 1000), []
    for no_unit in (False, True):
        with monkeypatch.context() as patched:
            if no_unit:
                patched.setattr("traceo.query.promql.fetch.unit_of", lambda *_: 0)
            else:
                patched.setattr(Presence, "grid", note_and_grid)
            answer = asyncio.run(query_range(Queries(engine(), Query()), lively, text, *window, Options()))
        found.append([(one.labels, one.times_ms.tolist(), one.values.tolist()) for one in answer.series])
    assert found[0] == found[1]
    assert found[0] and used


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
