"""TraceQL on the engine: which spans of which traces each query means."""

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.query.engine import engine
from tests.query.traceql.stored import MS, NOW, RANGE, TENANT, load
from traceo.config import Query as QuerySettings
from traceo.errors import ParseError, UnsupportedQuery
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.query.traceql.ast import Combined, Filter, Static
from traceo.query.traceql.metrics import MetricAnswer, query_metrics
from traceo.query.traceql.parser import STRUCTURAL, parse_traceql
from traceo.query.traceql.places import number_sets
from traceo.query.traceql.search import FoundTraces, search_traces
from traceo.query.traceql.structure import Table, select


def _run(read: Any) -> Any:
    async def work() -> Any:
        return await read(Queries(engine(), QuerySettings()))

    return asyncio.run(work())


def find(query: str, **options: Any) -> FoundTraces:
    load()
    found: FoundTraces = _run(lambda queries: search_traces(queries, TENANT, query, RANGE, spans_per_set=50, **options))
    return found


def measure(query: str) -> MetricAnswer:
    load()
    between = TimeRange(NOW, NOW + 2000 * MS)
    answer: MetricAnswer = _run(lambda queries: query_metrics(queries, TENANT, query, between, 1000 * MS))
    return answer


def shown(found: FoundTraces) -> str:
    """`1: 2,3; 2: 1`: of each trace the spans of its groups (apart by |)."""
    parts = []
    for trace in sorted(found.traces, key=lambda trace: trace.trace_id):
        sets = [",".join(sorted(str(int(each.span_id, 16)) for each in group.spans)) for group in trace.sets]
        parts.append(f"{int(trace.trace_id, 16)}: {'|'.join(sorted(sets))}")
    return "; ".join(parts)


CASES = {
    "{}": "1: 1,2,3,4; 2: 1,2; 3: 2,3; 4: 1,2",
    '{ name = "SELECT" }': "1: 4; 2: 2",
    '{ name =~ "GET.*" }': "1: 1; 2: 1",
    '{ name =~ "GET" }': "",
    '{ name !~ "GET.*|SELECT" && resource.service.name != "shop" }': "1: 2,3",
    "{ status = error }": "1: 3",
    "{ status != unset }": "1: 3",
    '{ statusMessage = "no money" }': "1: 3",
    "{ kind = client || kind = internal }": "1: 2,4; 2: 2",
    "{ duration > 250ms && duration <= 500ms }": "1: 3,4",
    "{ duration < 0s }": "4: 2",
    "{ span.http.status_code >= 500 }": "1: 3",
    "{ .http.status_code = 200 }": "1: 2",
    "{ .http.status_code != 200 }": "1: 3",
    '{ .http.status_code = "200" }': "",
    "{ .n = 3 }": "1: 1",
    '{ .n = "3" }': "2: 1",
    "{ .n != 4 }": "1: 1",
    "{ .cost * 2 = 3 }": "1: 3",
    "{ .cost = 2.0 }": "1: 2",
    "{ .cost + .http.status_code > 300 }": "1: 3",
    "{ .cost ^ 2 > 2 && .cost % 2 != 0 }": "1: 3",
    "{ 2 = .cost }": "1: 2",
    "{ 400 < .http.status_code }": "1: 3",
    '{ span."user id" = "u1" }': "1: 1",
    "{ .flag }": "1: 1",
    "{ .flag = true && !(.n = 4) }": "1: 1",
    '{ resource.env = "test" }': "1: 2,3",
    '{ .env = "prod" && name = "GET /" }': "1: 1",
    "{ resource.replicas > 1 && duration > 50ms }": "1: 1; 2: 1",
    "{ .db.system = nil && .http.status_code = nil && duration > 50ms }": "1: 1; 2: 1",
    "{ .db.system != nil }": "1: 4; 2: 2",
    "{ resource.env = nil }": "1: 4; 2: 2",
    '{ event:name = "exception" }': "1: 3",
    '{ event.exception.type =~ "Oo.*" }': "1: 3",
    "{ event:timeSinceStart < 5ms }": "1: 3",
    '{ link:traceID = "07070707070707070707070707070707" }': "1: 3",
    '{ instrumentation:name = "lib" && duration > 900ms }': "1: 1",
    '{ span:id = "0000000000000003" && duration > 100ms }': "1: 3",
    '{ trace:rootName = "GET /" }': "1: 1,2,3,4",
    '{ rootServiceName = "shop" && name = "SELECT" }': "1: 4; 2: 2",
    "{ traceDuration > 500ms && kind = internal }": "1: 4",
    "{ childCount = 2 }": "1: 1",
    "{ nestedSetParent < 0 }": "1: 1; 2: 1",
    "{ parent.http.status_code = 500 }": "1: 4",
    '{ name = "GET /" } >> { name = "SELECT" }': "1: 4",
    '{ name =~ "GET.*" } > { name = "SELECT" }': "2: 2",
    '{ name = "SELECT" } << { name =~ "GET.*" }': "1: 1; 2: 1",
    '{ name = "SELECT" } < { resource.service.name = "cart" }': "1: 3",
    '{ name = "add" } ~ { name = "pay" }': "1: 3",
    '{ name = "add" } ~ { name = "add" }': "",
    '{ name = "GET /" } !>> { name = "SELECT" }': "2: 2",
    '{ name = "pay" } !> { name = "SELECT" }': "2: 2",
    '{ name = "SELECT" } !<< { name =~ "GET.*|add" }': "1: 2",
    '{ name = "GET /" } &>> { name = "SELECT" }': "1: 1,4",
    '{ name = "SELECT" } &< { name = "pay" }': "1: 3,4",
    '{ name = "round" } >> { name = "round" }': "4: 1,2",
    '{ name = "orphan" } > { }': "3: 3",
    '{ name = "add" } && { name = "SELECT" }': "1: 2,4",
    '{ name = "add" } || { name = "GET /x" }': "1: 2; 2: 1",
    "{ } | count() > 2": "1: 1,2,3,4",
    "{ kind = internal } | count() = 1": "1: 4; 2: 2",
    "{ } | avg(duration) > 400ms": "1: 1,2,3,4",
    "{ } | max(duration) - min(duration) > 500ms": "1: 1,2,3,4",
    "{ } | sum(span.cost) = 3.5": "1: 1,2,3,4",
    '{ .http.status_code > 0 } | { name = "pay" }': "1: 3",
    "{ duration > 40ms } | by(resource.service.name)": "1: 1|2,3|4; 2: 1|2",
    "{ duration > 40ms } | by(resource.service.name) | count() > 1": "1: 2,3",
    "{ duration > 40ms } | by(resource.service.name) | coalesce() | count() > 3": "1: 1,2,3,4",
    '({ name = "add" } | count() > 0) && { name = "pay" }': "1: 2,3",
    '{ name = "pay" } | select(span.cost, resource.env)': "1: 3",
}


@pytest.mark.parametrize("query", CASES, ids=lambda query: query.replace("/", "."))
def test_query_means_these_spans(query: str) -> None:
    assert shown(find(query)) == CASES[query]


def test_answers_show_what_was_asked_for_and_selected() -> None:
    (trace,) = find("{ .http.status_code = 500 } | select(resource.env, status, span.nothing)").traces
    ((pay,),) = [group.spans for group in trace.sets]
    assert pay.attributes == {"http.status_code": 500, "env": "test", "status": "error"}
    assert (trace.root_service, trace.root_name, trace.duration_ns) == ("shop", "GET /", 1000 * MS)
    assert trace.services == {"shop": (1, 0), "cart": (2, 1), "db": (1, 0)}


def test_groups_show_what_they_were_grouped_by() -> None:
    traces_ = find('{ name = "SELECT" } | by(resource.service.name)').traces
    assert [group.attributes for trace in traces_ for group in trace.sets] == [{"by(service.name)": "db"}] * 2


def test_newest_traces_are_found_up_to_the_limit() -> None:
    assert len(find("{ }", limit=2).traces) == 2
    assert len(find("{ } | count() > 0", limit=3).traces) == 3


METRICS = {
    "{ } | rate()": {"rate": [10, 0]},
    '{ name = "SELECT" } | count_over_time()': {"count_over_time": [2, 0]},
    "{ duration > 40ms } | count_over_time() by (resource.service.name)": {
        "shop": [2, 0],
        "cart": [2, 0],
        "db": [2, 0],
    },
    '{ name = "SELECT" } | max_over_time(duration)': {"max_over_time": [0.3, None]},
    '{ name = "SELECT" } | avg_over_time(duration) by (.db.system)': {"pg": [0.175, None]},
    "{ } | sum_over_time(span.cost)": {"sum_over_time": [3.5, None]},
    "{ } | count_over_time() by (resource.service.name) | topk(1)": {"shop": [6, None], "cart": [None, 0]},
    '{ name = "SELECT" } | histogram_over_time(duration)': {"0.067108864": [1, 0], "0.536870912": [1, 0]},
    '{ name = "GET /" } >> { name = "SELECT" } | rate() by (name)': {"SELECT": [1, 0]},
    "{ childCount = 2 } | min_over_time(duration)": {"min_over_time": [1, None]},
}


@pytest.mark.parametrize("query", METRICS, ids=lambda query: query.replace("/", "."))
def test_series_over_time(query: str) -> None:
    answer = measure(query)
    found = {
        str(next(iter(each.labels.values()))): [
            None if np.isnan(value) else round(float(value), 9) for value in each.values
        ]
        for each in answer.series
    }
    assert found == METRICS[query]


def test_quantiles_are_near() -> None:
    (series,) = measure('{ name = "SELECT" } | quantile_over_time(duration, .99)').series
    assert series.labels == {"p": 0.99}
    assert abs(series.values[0] / 0.3 - 1) < 0.023


def test_compare_sets_apart_what_lies_in_a_time() -> None:
    between = f"{NOW + 2 * MS}, {NOW + 4 * MS}"  # the spans 2 and 3 of each trace
    series = measure(f"{{ }} | compare({{ duration < 1s }}, 10, {between})").series
    totals = {each.labels["__meta_type"]: each.values.sum() for each in series if each.labels.get("kind", 0) is None}
    assert totals == {"selection_total": 6, "baseline_total": 4}


EXEMPLARS = {
    "{ status = error } | rate() with(exemplars=true)": [("1", "3", 1.0)],
    '{ name = "SELECT" } | max_over_time(duration) by (.db.system) with(exemplars=7)': [("2", "2", 0.05)],
    '{ name = "SELECT" } | histogram_over_time(duration) with(exemplars=1000)': [("2", "2", 0.05), ("1", "4", 0.3)],
    '{ } >> { name = "SELECT" } | quantile_over_time(duration, .5) with(exemplars=2)': [
        ("1", "4", 0.3),
        ("2", "2", 0.05),
    ],
    "{ status = error } | rate() with(exemplars=false)": [],
}


@pytest.mark.parametrize("query", EXEMPLARS)
def test_exemplars_are_spans_that_a_series_counts(query: str) -> None:
    found = [
        (one.trace_id.lstrip("0"), one.span_id.lstrip("0"), round(one.value, 9))
        for series in measure(query).series
        for one in series.exemplars
    ]
    assert found == EXEMPLARS[query]


@st.composite
def tables(draw: st.DrawFn) -> tuple[Table, list[set[int]]]:
    """Traces with missing parents, several roots, cycles and equal ids, and two sets of their spans."""
    size = draw(st.integers(1, 14))
    trace = np.sort(np.array(draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))))
    trace = np.unique(trace, return_inverse=True)[1].astype(np.int64)
    numbers = st.lists(st.integers(1, 9), min_size=size, max_size=size)
    span_ids = np.array(draw(numbers), dtype=np.uint64)
    parents = np.array(draw(st.lists(st.integers(0, 9), min_size=size, max_size=size)), dtype=np.uint64)
    masks = [draw(st.lists(st.booleans(), min_size=size, max_size=size)) for _ in range(2)]
    filters = {Static("int", number): np.array(mask) for number, mask in enumerate(masks)}
    return Table(trace, span_ids, parents, filters, {}, {}), [  # type: ignore[arg-type]
        {place for place, chosen in enumerate(mask) if chosen} for mask in masks
    ]


def brute_force(op: str, table: Table, left: set[int], right: set[int]) -> set[int]:
    """By looking at each pair of spans."""
    rows = range(table.size)

    def parent(place: int) -> int | None:
        if not table.parent[place]:
            return None
        same = [at for at in rows if (table.trace[at], table.span[at]) == (table.trace[place], table.parent[place])]
        return same[0] if same and table.span[place] != table.parent[place] else None

    def ancestors(place: int) -> set[int]:
        found: set[int] = set()
        at = parent(place)
        while at is not None and at not in found:
            found.add(at)
            at = parent(at)
        return found

    def related(kind: str, a: int, b: int) -> bool:
        """Whether b is related to a as the operator says."""
        if kind == ">":
            return parent(b) == a
        if kind == "<":
            return parent(a) == b
        if kind == ">>":
            return a in ancestors(b)
        if kind == "<<":
            return b in ancestors(a)
        same = table.trace[a] == table.trace[b] and table.parent[a] == table.parent[b]
        return bool(same and table.parent[a] and a != b)

    base = op.lstrip("!&")
    met = {b for b in right if any(related(base, a, b) for a in left)}
    if op.startswith("!"):
        return right - met
    return met | {a for a in left if any(related(base, a, b) for b in right)} if op.startswith("&") else met


@given(tables())
@settings(max_examples=150, deadline=None)
def test_structure_is_what_brute_force_finds(made: tuple[Table, list[set[int]]]) -> None:
    table, (left, right) = made
    sides = [Filter(condition) for condition in table.filters]
    for op in STRUCTURAL:
        found = select(Combined(op, sides[0], sides[1]), table)
        assert set(np.flatnonzero(found).tolist()) == brute_force(op, table, left, right), op


@given(tables())
@settings(max_examples=150, deadline=None)
def test_nested_sets_are_those_of_a_walk(made: tuple[Table, list[set[int]]]) -> None:
    table = made[0]
    found = dict.fromkeys(range(table.size), (0, 0))
    counters: dict[int, int] = {}

    def walk(place: int) -> None:
        trace = int(table.trace[place])
        left = counters[trace] = counters.get(trace, 0) + 1
        for child in np.flatnonzero(table.above == place).tolist():
            walk(child)
        counters[trace] += 1
        found[place] = left, counters[trace]

    for root in np.flatnonzero(table.parent == 0).tolist():
        walk(root)
    left, right = number_sets(table.trace, table.above, table.parent == 0)
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == [found[place] for place in range(table.size)]


@given(st.text(alphabet='{}()|&!<>=~.:"\\ abcdnil019ms+-*^,spanretuckoy', max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_query_or_a_clear_error(text: str) -> None:
    try:
        parse_traceql(text)
    except (ParseError, UnsupportedQuery) as error:
        assert str(error) and (error.position is None or 0 <= error.position <= len(text))
