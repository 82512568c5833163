"""Answers about the past are kept: what they answer is what would be computed, and what arrives late is seen."""

import asyncio
import random
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from tests.query.engine import engine, insert
from tests.query.promql.test_evaluate import SAMPLES, SETS
from tests.query.promql.test_evaluate import insert as execute
from tests.query.telemetry import metrics
from traceo.config import Query
from traceo.query.promql import past_steps
from traceo.query.promql.evaluate import Answer, Options, query_range
from traceo.query.recent import KeptAnswers
from traceo.query.run import Queries
from traceo.settings import Bytes
from traceo.store.base import QueryLimits, Signal, Store

TENANT, STEP_MS, HOUR_MS = "promql-past", 30_000, 3_600_000
KEPT = [
    "requests_total",
    "sum by (job) (rate(requests_total[2m]))",
    "increase(requests_total[5m] offset 3m) > 2",
    "topk(2, requests_total)",
    "absent(requests_total{i='4'})",
    "max_over_time(rate(requests_total[1m])[4m:30s])",
    "requests_total @ 300",
    "count by (__name__) (requests_total)",
    "requests_total / on (i) group_left requests_total",
    "time() - timestamp(requests_total)",
    "scalar(sum(requests_total)) + step()",
    "histogram_quantile(0.9, requests_total)",
    "sum(rate(requests_total[range()]))",
]
NOT_KEPT = [
    "requests_total offset -1m",
    "requests_total @ end()",
    "end() - start()",
    "requests_total @ 1e9",
]


class Watched:
    """Counts the statements that read samples."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads = 0

    async def query(self, sql: str, params: Any = None, limits: QueryLimits | None = None) -> pa.Table:
        self.reads += "FROM samples" in sql
        return await self._store.query(sql, params, limits)


@pytest.fixture(autouse=True)
def small_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_steps, "WORTH_POINTS", 0)


@pytest.fixture(scope="module")
def points() -> None:
    """Counters that begin late, end early, have holes and are reset, over two hours of 1970."""
    choose = random.Random(7)
    sets = [f"('{TENANT}', 'requests_total', {i}, {i}, 0, map('i', '{i}', 'job', 'j{i % 2}'))" for i in range(1, 6)]
    rows = []
    for i in range(1, 6):
        value = 0
        for at in range(choose.randrange(0, 3000), choose.randrange(4000, 7200), 15):
            value = 0 if choose.random() < 0.02 else value + choose.randrange(5)
            if choose.random() < 0.9:
                rows.append(f"('{TENANT}', {i}, {at}, {value}, {int(choose.random() < 0.01)}, {at})")
    execute(SETS + ", ".join(sets), SAMPLES + ", ".join(rows))


@pytest.fixture
def watched() -> Iterator[tuple[Watched, Queries]]:
    store: Any = Watched(engine())
    yield store, Queries(store, Query())


def ask(queries: Queries, text: str, start_ms: int, end_ms: int, tenant: str = TENANT) -> Answer:
    return asyncio.run(query_range(queries, tenant, text, start_ms, end_ms, STEP_MS, Options()))


def show(answer: Answer) -> Any:
    series = [(each.labels, each.times_ms.tolist(), repr(each.values.tolist())) for each in answer.series]
    return series, sorted(answer.warnings), sorted(answer.infos)


@pytest.mark.usefixtures("points")
@pytest.mark.parametrize("text", KEPT + NOT_KEPT)
def test_an_answer_is_what_would_be_computed(text: str, watched: tuple[Watched, Queries]) -> None:
    """Windows that move on, reach further back, are shorter, and end within the known steps."""
    store, queries = watched
    choose, start, length = random.Random(text), 600_000, HOUR_MS
    for _ in range(3):
        start = max(0, start + choose.choice((-2, 0, 0, 1, 3, 10)) * STEP_MS)
        length = max(0, length + choose.choice((-20, 0, 0, 7)) * STEP_MS + choose.choice((0, 1000)))
        expected = ask(Queries(engine(), Query()), text, start, start + length)
        assert show(ask(queries, text, start, start + length)) == show(expected)
    window = HOUR_MS, 2 * HOUR_MS - 599_000  # ends between two steps
    ask(queries, text, *window)
    before = store.reads
    ask(queries, text, *window)
    assert (store.reads == before) == (text in KEPT or "requests" not in text)


@pytest.mark.usefixtures("points")
def test_only_the_steps_that_are_new_are_computed(watched: tuple[Watched, Queries]) -> None:
    store, queries = watched
    seen: list[dict[str, Any]] = []
    real = store.query

    async def query(sql: str, params: Any = None, limits: QueryLimits | None = None) -> pa.Table:
        if "FROM samples" in sql:
            seen.append(params)
        return await real(sql, params, limits)

    store.query = query  # type: ignore[method-assign]
    for moved in (0, STEP_MS):
        ask(queries, "requests_total", moved, HOUR_MS + moved)
    first, second = ((each["start_ns"] // 10**6, each["end_ns"] // 10**6) for each in seen)
    assert first[1] - first[0] > HOUR_MS and second[1] - second[0] < 2 * 300_000
    assert len(queries.kept_answers.get((TENANT, "requests_total", STEP_MS, 0, Options())).grid.labels) == 5


def test_what_arrives_late_is_seen(watched: tuple[Watched, Queries], monkeypatch: Any) -> None:
    """The clock is five minutes ahead, so that what was there before does not look as if it had just arrived."""
    tenant, now = "promql-late", int(time.time()) * 1000
    (store, queries), window = watched, (now - HOUR_MS, now - HOUR_MS // 2)

    def steps() -> int:
        return sum(len(each.values) for each in ask(queries, "bytes_total", *window, tenant).series)

    insert(tenant, Signal.METRICS, metrics("shop", (now - HOUR_MS + 1000) * 10**6))
    assert [steps(), steps(), store.reads] == [10, 10, 2]  # what came within the last minute may not be all
    monkeypatch.setattr("traceo.query.promql.evaluate.time.time", lambda: now / 1000 + 300)
    assert [steps(), steps(), store.reads] == [10, 10, 3]
    insert(tenant, Signal.METRICS, metrics("shop", (now - HOUR_MS + 600_000) * 10**6))
    later = "SELECT tenant, signal, service, minute + INTERVAL 5 MINUTE, items, bytes, oldest_ms"
    execute(f"INSERT INTO usage {later} FROM usage WHERE tenant = '{tenant}'")
    assert [steps(), store.reads] == [20, 4]


def test_sums_that_begin_where_the_reading_does_are_not_kept(watched: tuple[Watched, Queries]) -> None:
    """Delta temporality: the value itself depends on the range, its differences do not."""
    store, queries = watched
    tenant = "promql-delta"
    sets = f"('{tenant}', 'jobs_total', 1, 1, 9, map('i', '1'))"
    points = ", ".join(f"('{tenant}', 1, {at}, 1, 0, 1)" for at in range(0, 7200, 60))
    execute(SETS + sets, SAMPLES + points)
    for text, reads in (("jobs_total", [1, 2, 3]), ("increase(jobs_total[5m])", [4, 5, 5])):
        for moved, expected in zip((0, STEP_MS, STEP_MS), reads, strict=True):
            window = moved + HOUR_MS, moved + 2 * HOUR_MS - 600_000
            answer = ask(Queries(engine(), Query()), text, *window, tenant)
            assert show(ask(queries, text, *window, tenant)) == show(answer)
            assert store.reads == expected


@pytest.mark.usefixtures("points")
def test_the_last_ten_minutes_are_computed_each_time(watched: tuple[Watched, Queries], monkeypatch: Any) -> None:
    store, queries = watched
    monkeypatch.setattr("traceo.query.promql.evaluate.time.time", lambda: 3600)
    ask(queries, "requests_total", 0, HOUR_MS)
    kept = queries.kept_answers.get((TENANT, "requests_total", STEP_MS, 0, Options()))
    assert (kept.first_ms, kept.last_ms) == (0, HOUR_MS - 600_000)
    before = store.reads
    ask(queries, "requests_total", 0, HOUR_MS)
    assert store.reads == before + 1
    ask(queries, "requests_total", HOUR_MS - 300_000, HOUR_MS)
    assert store.reads == before + 2


@pytest.mark.usefixtures("points")
def test_what_is_computed_quickly_is_not_kept(
    watched: tuple[Watched, Queries], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, queries = watched
    monkeypatch.setattr(past_steps, "WORTH_POINTS", 10**6)
    for reads in (1, 2):
        ask(queries, "requests_total", 0, HOUR_MS)
        assert store.reads == reads


@pytest.mark.usefixtures("points")
def test_nothing_is_kept_where_no_memory_is_given(watched: tuple[Watched, Queries]) -> None:
    store: Any = watched[0]
    queries = Queries(store, Query(kept_answers=Bytes(0)))
    for reads in (1, 2):
        ask(queries, "requests_total", 0, HOUR_MS)
        assert store.reads == reads


@pytest.mark.usefixtures("points")
def test_who_does_not_want_what_is_kept_has_all_computed(watched: tuple[Watched, Queries]) -> None:
    store, queries = watched
    for reads, use_kept in ((1, False), (2, True), (3, False), (3, True)):
        options = Options(use_kept=use_kept)
        asyncio.run(query_range(queries, TENANT, "requests_total", 0, HOUR_MS, STEP_MS, options))
        assert store.reads == reads


def test_those_that_were_not_asked_for_longest_go_first() -> None:
    kept = KeptAnswers(100)
    for name in "abcd":
        kept.put(name, name, 25)
    assert kept.get("a") == "a"
    kept.put("e", "e", 25)
    kept.put("large", "large", 26)
    assert [kept.get(name) for name in ("a", "b", "c", "d", "e", "large")] == ["a", None, "c", "d", "e", None]
    kept.put("a", "again", 5)
    kept.drop("c")
    kept.drop("nothing")
    for name in "fg":
        kept.put(name, name, 22)
    assert [kept.get(name) for name in "adefg"] == ["again", "d", "e", "f", "g"]
