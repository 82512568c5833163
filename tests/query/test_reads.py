"""Reads on the engine, from OTLP requests to what the API shows."""

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import orjson
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tests.described import described
from tests.query.engine import engine, insert
from tests.query.telemetry import VALUES, logs, metrics, pairs, span, traces
from traceo.api.routes.metric_answers import PointRows
from traceo.api.routes.trace_answers import TraceAnswer
from traceo.config import Query as QuerySettings
from traceo.errors import NotFound
from traceo.query.logs import LogSearch, is_selective, search_logs
from traceo.query.metrics import SeriesSearch, list_metrics, list_series, read_points
from traceo.query.otlp_json import read_otlp_json
from traceo.query.otlp_trace import read_otlp_trace
from traceo.query.run import Queries
from traceo.query.search import TraceSearch, search_traces
from traceo.query.services import list_edges, list_operations, list_services
from traceo.query.sql import TimeRange
from traceo.query.traces import read_trace
from traceo.store.base import Signal

Result = TypeVar("Result")
NOW = time.time_ns() // 60_000_000_000 * 60_000_000_000
HOUR = 3600 * 10**9
RANGE = TimeRange(NOW - HOUR, NOW + HOUR)
numbers = itertools.count()


@pytest.fixture
def tenant() -> str:
    return f"reads-{next(numbers)}"


def run(read: Callable[[Queries], Coroutine[Any, Any, Result]]) -> Result:
    async def work() -> Result:
        return await read(Queries(engine(), QuerySettings()))

    return asyncio.run(work())


def test_a_trace_comes_back_as_it_was_sent(tenant: str) -> None:
    event = {"time_unix_nano": NOW, "name": "e"}
    link = {"trace_id": b"\x07" * 16, "span_id": b"\x08" * 8}
    child = span(1, 11, NOW + 5, parent=10, kind=3, status={"code": 2, "message": "bad"}, attributes=VALUES)
    insert(tenant, Signal.TRACES, traces("shop", [span(1, 10, NOW), {**child, "events": [event], "links": [link]}]))
    trace = described(TraceAnswer, run(lambda q: read_trace(q, tenant, "1")))
    root, child = trace["spans"]
    assert trace["trace_id"] == "0" * 31 + "1"
    assert (root["parent_span_id"], root["kind"], root["status"]) == (None, "server", "unset")
    assert (child["parent_span_id"], child["kind"], child["status"]) == (root["span_id"], "client", "error")
    special = {"nan": {"$double": "NaN"}, "bytes": {"$bytes": "AP8="}}
    assert child["attributes"] == {**VALUES, **special}
    assert child["events"] == [{"time_ns": NOW, "name": "e", "attributes": {}, "dropped_attributes": 0}]
    assert (child["links"][0]["trace_id"], child["links"][0]["span_id"]) == ("07" * 16, "08" * 8)
    assert trace["resources"][root["resource_id"]]["attributes"] == {"service.name": "shop"}
    assert trace["scopes"][root["scope_id"]]["name"] == "lib"


def test_a_trace_as_otlp_is_byte_for_byte_what_was_sent(tenant: str) -> None:
    long = {f"long{size}": "x" * (size - 8) for size in (1 << 14, 1 << 21)}  # about where lengths take a byte more
    event = {"time_unix_nano": NOW, "name": "e", "attributes": pairs({"n": 1}), "dropped_attributes_count": 2}
    link = {"trace_id": b"\x07" * 16, "span_id": b"\x08" * 8, "trace_state": "s=1", "flags": 1}
    child = span(1, 11, NOW + 5, parent=10, kind=3, flags=257, status={"code": 2, "message": "bad"})
    lost = {
        f"dropped_{kind}_count": number for kind, number in (("attributes", 1), ("events", 200), ("links", 1 << 31))
    }
    spans = [
        span(
            1,
            10,
            NOW,
            kind=-1,
            trace_state="a=b",
            status={"code": 1},
            attributes={**VALUES, **long, "": "", "none": None},
        ),
        {**child, **lost, "events": [event], "links": [link]},
    ]
    sent = traces("shop", spans)
    insert(tenant, Signal.TRACES, sent)
    found = TracesData.FromString(run(lambda q: read_otlp_trace(q, tenant, "1")))
    assert found.SerializeToString() == sent
    written = orjson.loads(orjson.dumps(run(lambda q: read_otlp_json(q, tenant, "1"))))
    assert written == MessageToDict(found)["resourceSpans"]


def test_another_tenants_trace_is_not_found(tenant: str) -> None:
    insert(f"{tenant}-b", Signal.TRACES, traces("shop", [span(1, 10, NOW)]))
    with pytest.raises(NotFound):
        run(lambda q: read_trace(q, tenant, "1"))


def test_a_span_in_both_tables_is_shown_once(tenant: str) -> None:
    insert(tenant, Signal.TRACES, traces("shop", [span(1, 10, NOW), span(1, 11, NOW + 1)]))
    copy = "INSERT INTO spans_recent SELECT * FROM spans WHERE tenant = {tenant:String}"
    asyncio.run(engine().execute(copy, {"tenant": tenant}))
    trace = run(lambda q: read_trace(q, tenant, "1"))
    assert len(trace["spans"]) == 2
    page = run(lambda q: search_traces(q, tenant, TraceSearch(RANGE)))
    assert [found["spans"] for found in page.traces] == [2]


def test_events_stay_with_their_span_when_spans_are_alike(tenant: str) -> None:
    spans = [
        {**span(1, 10, NOW), "events": [{"time_unix_nano": NOW, "name": "of 10"}]},
        {**span(1, 11, NOW), "events": [{"time_unix_nano": NOW, "name": "of 11"}]},
        span(1, 12, NOW),
    ]
    insert(tenant, Signal.TRACES, traces("shop", spans))
    insert(tenant, Signal.TRACES, traces("shop", [spans[0], span(1, 10, NOW)]))
    found = run(lambda q: read_trace(q, tenant, "1"))["spans"]
    names = [(item["span_id"][-1], [event["name"] for event in item["events"]]) for item in found]
    assert sorted(names) == [("a", []), ("a", ["of 10"]), ("a", ["of 10"]), ("b", ["of 11"]), ("c", [])]


def test_spans_are_found_as_soon_as_the_recent_window_has_the_first(tenant: str) -> None:
    insert(f"{tenant}-source", Signal.TRACES, traces("shop", [span(1, 10, NOW)]))
    copy = (
        "INSERT INTO spans_recent SELECT * REPLACE ({to:String} AS tenant) "
        "FROM (SELECT * FROM spans WHERE tenant = {source:String})"
    )

    async def work() -> dict[str, Any]:
        queries = Queries(engine(), QuerySettings())
        await engine().execute("TRUNCATE TABLE spans_recent")
        with pytest.raises(NotFound):
            await read_trace(queries, tenant, "1")
        await engine().execute(copy, {"to": tenant, "source": f"{tenant}-source"})
        return await read_trace(queries, tenant, "1")

    assert len(asyncio.run(work())["spans"]) == 1


def test_recent_spans_alone_are_found(tenant: str) -> None:
    source = f"{tenant}-source"
    insert(source, Signal.TRACES, traces("shop", [span(1, 10, NOW, attributes={"user.id": "u1"})]))
    copy = (
        "INSERT INTO spans_recent SELECT * REPLACE ({to:String} AS tenant) "
        "FROM (SELECT * FROM spans WHERE tenant = {source:String})"
    )
    asyncio.run(engine().execute(copy, {"to": tenant, "source": source}))
    assert len(run(lambda q: read_trace(q, tenant, "1"))["spans"]) == 1
    search = TraceSearch(RANGE, attributes=(("user.id", "u1"),))
    assert len(run(lambda q: search_traces(q, tenant, search)).traces) == 1


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, [3, 2, 1]),
        ({"service": "shop"}, [2, 1]),
        ({"operation": "pay"}, [3]),
        ({"status": "error"}, [3]),
        ({"min_duration_ns": 5_000_000}, [2]),
        ({"max_duration_ns": 4_000_000}, [3, 1]),
        ({"attributes": (("http.status", "500"),)}, [2, 1]),
        ({"attributes": (("http.status", "500"), ("user", "a'b\\\n"))}, [2]),
        ({"attributes": (("user", "nobody"),)}, []),
        ({"resource": (("region", "eu"),)}, [3]),
        ({"resource": (("region", "eu"),), "service": "shop"}, []),
    ],
)
def test_traces_are_found_by(tenant: str, fields: dict[str, Any], found: list[int]) -> None:
    first = span(1, 10, NOW - 50 * 60 * 10**9, attributes={"http.status": 500})
    second = span(2, 20, NOW - 60 * 10**9, duration_ns=7_000_000, attributes={"http.status": "500", "user": "a'b\\\n"})
    third = span(3, 30, NOW, name="pay", status={"code": 2})
    insert(tenant, Signal.TRACES, traces("shop", [first, second]), traces("payment", [third], {"region": "eu"}))
    page = run(lambda q: search_traces(q, tenant, TraceSearch(RANGE, **fields)))
    assert [int(trace["trace_id"], 16) for trace in page.traces] == found


def test_pages_of_traces_are_complete_and_disjoint(tenant: str) -> None:
    spans = [span(trace, trace * 10 + n, NOW - trace % 4 - n * 10**9) for trace in range(1, 14) for n in range(2)]
    insert(tenant, Signal.TRACES, traces("shop", spans))
    after, seen = None, []
    while True:
        search = TraceSearch(RANGE, limit=4, after=after)
        page = run(lambda q, search=search: search_traces(q, tenant, search))  # type: ignore[misc]
        seen += [int(trace["trace_id"], 16) for trace in page.traces]
        after = page.after
        if after is None:
            break
    assert sorted(seen) == list(range(1, 14))


def test_services_are_measured_by_their_entry_spans(tenant: str) -> None:
    spans = [span(1, 1, NOW, duration_ns=10_000_000), span(1, 2, NOW, kind=1), span(1, 3, NOW, status={"code": 2})]
    insert(tenant, Signal.TRACES, traces("shop", spans), traces("cron", [span(2, 4, NOW, kind=1)]))
    shop, cron = run(lambda q: list_services(q, tenant, RANGE))
    assert (shop["service"], shop["measured"], shop["requests"], shop["errors"], shop["spans"]) == (
        *("shop", "entry spans"),
        *(2, 1, 3),
    )
    assert 2 / 7200 < shop["rate_per_s"] <= 2 / 60  # the tenant's data begins in the last minutes of the range
    assert shop["p99_ms"] == pytest.approx(10, rel=0.03)
    assert shop["p50_ms"] == pytest.approx(1, rel=0.03)
    assert (cron["measured"], cron["requests"]) == ("all spans", 1)
    operations = run(lambda q: list_operations(q, tenant, "shop", RANGE))
    assert [(row["operation"], row["kind"], row["requests"]) for row in operations] == [
        ("GET /", "server", 2),
        ("GET /", "internal", 1),
    ]


def test_the_newest_figures_of_an_edge_count(tenant: str) -> None:
    sql = (
        "INSERT INTO service_edges SELECT {tenant:String}, toStartOfMinute(now()), 'a', 'b', 'call', {n:UInt64}, 1, 5, "
        "map(toUInt16(320), {n:UInt64}), now64(3) + {n:UInt64}"
    )
    for calls in (1, 3):
        asyncio.run(engine().execute(sql, {"tenant": tenant, "n": calls}))
    (edge,) = run(lambda q: list_edges(q, tenant, RANGE))
    assert (edge["client"], edge["server"], edge["requests"], edge["errors"]) == ("a", "b", 3, 1)


RECORDS = [
    {"body": "connection refused by db-1", "severity_number": 17},
    {"body": "connection accepted", "severity_number": 9, "attributes": {"code": 5}},
    {"body": {"k": "v"}, "severity_number": 13, "trace_id": b"\x01" * 16},
    {"body": "straße 100% done_", "severity_number": 5},
]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, [3, 2, 1, 0]),
        ({"text": "connection"}, [1, 0]),
        ({"text": "connection refused"}, [0]),
        ({"text": "connect"}, []),
        ({"text": '"nnection ref"'}, [0]),
        ({"text": "db-1"}, [0]),
        ({"text": "straße 100%"}, [3]),
        ({"text": "' OR 1=1 --"}, []),
        ({"min_severity": 13}, [2, 0]),
        ({"attributes": (("code", "5"),)}, [1]),
        ({"trace_id": b"\x01" * 16}, [2]),
        ({"service": "other"}, []),
    ],
)
def test_logs_are_found_by(tenant: str, fields: dict[str, Any], found: list[int]) -> None:
    records = [{**record, "time_unix_nano": NOW + n} for n, record in enumerate(RECORDS)]
    insert(tenant, Signal.LOGS, logs("shop", records))
    page = run(lambda q: search_logs(q, tenant, LogSearch(RANGE, **fields)))
    assert [record["time_ns"] - NOW for record in page.records] == found
    if not fields:
        assert [record["body"] for record in page.records] == [record["body"] for record in reversed(RECORDS)]


def test_pages_of_logs_are_complete_even_among_equal_records(tenant: str) -> None:
    records = [{"time_unix_nano": NOW + n // 7, "body": f"line {n % 2}"} for n in range(20)]
    insert(tenant, Signal.LOGS, logs("shop", records))
    after, seen = None, []
    while True:
        search = LogSearch(RANGE, limit=3, after=after)
        page = run(lambda q, search=search: search_logs(q, tenant, search))  # type: ignore[misc]
        seen += [(record["time_ns"] - NOW, record["body"]) for record in page.records]
        after = page.after
        if after is None:
            break
    assert sorted(seen) == sorted((n // 7, f"line {n % 2}") for n in range(20))


def test_metrics_come_back_exactly(tenant: str) -> None:
    def points(search: SeriesSearch) -> Any:
        return described(PointRows, {"series": run(lambda q: read_points(q, tenant, search, 10))})["series"]

    insert(tenant, Signal.METRICS, metrics("shop", NOW))
    names = run(lambda q: list_metrics(q, tenant, RANGE))
    assert [(row["metric"], row["type"], row["unit"], row["series"]) for row in names] == [
        ("bytes.total", "sum", "By", 1),
        ("latency", "histogram", "s", 1),
        ("temperature", "gauge", "Cel", 2),
    ]
    assert names[2]["description"] == "how warm"
    (series,) = run(lambda q: list_series(q, tenant, SeriesSearch(RANGE, "temperature", attributes=(("place", "b"),))))
    assert series["attributes"] == {"place": "b"}
    assert series["resource"] == {"service.name": "shop", "host.name": "h1"}
    (total,) = points(SeriesSearch(RANGE, "bytes.total"))
    assert total["points"][0]["value"] == (1 << 53) + 1
    assert (total["exemplars"][0]["value"], total["exemplars"][0]["trace_id"]) == (7, "01" * 16)
    (latency,) = points(SeriesSearch(RANGE, "latency"))
    assert latency["points"][0]["counts"] == [1, 2]
    (warm,) = points(SeriesSearch(RANGE, ids=(int(series["series_id"]),)))
    assert warm["points"][0]["value"] == {"$double": "NaN"}


@pytest.mark.parametrize(
    ("fields", "selective"),
    [
        ({"text": "timeout of 4bf92f3577b34da6a3ce929d0e0e4736"}, True),
        ({"trace_id": b"1" * 16}, True),
        ({"attributes": (("user.id", "u1"),)}, True),
        ({"text": '"connection refused"', "service": "shop", "min_severity": 17}, False),
    ],
)
def test_logs_are_looked_for_everywhere_at_once_by_an_id(fields: dict[str, Any], selective: bool) -> None:
    assert is_selective(LogSearch(RANGE, **fields)) is selective
