"""Tempo's API: what Grafana's data source asks, and the shapes that it reads."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tests.api.tempo.conftest import Get
from tests.query.traceql.stored import MS, NOW

TRACE = "1".rjust(32, "0")


def test_trace_by_id_is_what_was_sent(get: Get) -> None:
    body = get(f"/api/traces/{TRACE}", "application/protobuf").content
    trace = TracesData.FromString(body)
    spans = {span.name: span for group in trace.resource_spans for part in group.scope_spans for span in part.spans}
    services = {
        attribute.value.string_value
        for group in trace.resource_spans
        for attribute in group.resource.attributes
        if attribute.key == "service.name"
    }
    assert set(spans) == {"GET /", "add", "pay", "SELECT"} and services == {"shop", "cart", "db"}
    pay = spans["pay"]
    assert (pay.end_time_unix_nano - pay.start_time_unix_nano, pay.status.code, pay.status.message) == (
        500 * MS,
        2,
        "no money",
    )
    assert {each.key: each.value.WhichOneof("value") for each in pay.attributes} == {
        "http.status_code": "int_value",
        "cost": "double_value",
    }
    assert pay.events[0].name == "exception" and pay.events[0].attributes[0].value.string_value == "Oops"
    assert (pay.links[0].trace_id, pay.parent_span_id) == (b"\x07" * 16, (1).to_bytes(8, "big"))
    assert trace.resource_spans[0].scope_spans[0].scope.name == "lib"


def test_forms_of_a_trace(get: Get) -> None:
    v1, v2 = get(f"/api/traces/{TRACE}").json(), get(f"/api/v2/traces/{TRACE}").json()
    assert v1["batches"] == v2["trace"]["resourceSpans"] and len(v1["batches"]) == 3
    wrapped = get(f"/api/v2/traces/{TRACE}", "application/protobuf").content
    assert wrapped[:1] == b"\x0a" and wrapped.endswith(get(f"/api/traces/{TRACE}", "application/protobuf").content)


@pytest.mark.parametrize(
    ("path", "status"), [(f"traces/{'f' * 32}", 404), (f"v2/traces/{'f' * 32}", 404), ("traces/xyz", 400)]
)
def test_traces_that_are_not_there(get: Get, path: str, status: int) -> None:
    answer = get(f"/api/{path}")
    assert answer.status_code == status and answer.headers["content-type"].startswith("text/plain")


def test_search_by_traceql(get: Get) -> None:
    answer = get("/api/search", q="{ .http.status_code = 500 } | select(resource.env)", limit=5, spss=2).json()
    (trace,) = answer["traces"]
    assert trace["traceID"] == "1" and trace["rootServiceName"] == "shop" and trace["rootTraceName"] == "GET /"
    assert (trace["startTimeUnixNano"], trace["durationMs"]) == (str(NOW + MS), 1000)
    assert trace["serviceStats"] == {
        "shop": {"spanCount": 1},
        "cart": {"spanCount": 2, "errorCount": 1},
        "db": {"spanCount": 1},
    }
    (span,) = trace["spanSet"]["spans"]
    assert (span["spanID"], span["durationNanos"], trace["spanSet"]["matched"]) == ("0" * 15 + "3", str(500 * MS), 1)
    assert span["attributes"] == [
        {"key": "http.status_code", "value": {"intValue": "500"}},
        {"key": "env", "value": {"stringValue": "test"}},
    ]


@pytest.mark.parametrize(
    ("params", "traces"),
    [
        ({"tags": "service.name=cart http.status_code=500"}, {"1"}),
        ({"tags": 'name="GET /x"'}, {"2"}),
        ({"tags": "service.name=db", "minDuration": "500ms"}, {"1"}),
        ({"tags": "service.name=db", "maxDuration": "500ms"}, {"2"}),
        ({"tags": "error=true"}, {"1"}),
        ({}, {"1", "2", "3", "4"}),
    ],
    ids=["service and number", "name", "at least", "at most", "error", "all"],
)
def test_search_by_tags(get: Get, params: dict[str, str], traces: set[str]) -> None:
    assert {trace["traceID"] for trace in get("/api/search", **params).json()["traces"]} == traces


def test_names_of_tags(get: Get) -> None:
    scopes = {scope["name"]: scope["tags"] for scope in get("/api/v2/search/tags").json()["scopes"]}
    assert scopes["resource"] == ["env", "replicas", "service.name"]
    assert {"cost", "http.status_code", "user id"} <= set(scopes["span"])
    assert scopes["event"] == ["exception.type"] and "duration" in scopes["intrinsic"]
    (only,) = get("/api/v2/search/tags", scope="resource").json()["scopes"]
    assert only["name"] == "resource"
    assert "db.system" in get("/api/search/tags").json()["tagNames"]


@pytest.mark.parametrize(
    ("name", "query", "values"),
    [
        ("resource.env", "", [("string", "prod"), ("string", "test")]),
        ("span.http.status_code", "", [("int", "200"), ("int", "500")]),
        (".db.system", "", [("string", "pg")]),
        ("resource.service.name", '{ name = "SELECT" }', [("string", "db")]),
        ("name", '{ resource.service.name = "cart" }', [("string", "add"), ("string", "pay")]),
        ("status", "", [("keyword", "error"), ("keyword", "ok"), ("keyword", "unset")]),
        ("event:name", "", [("string", "exception")]),
    ],
)
def test_values_of_tags(get: Get, name: str, query: str, values: list[tuple[str, str]]) -> None:
    answer = get(f"/api/v2/search/tag/{name}/values", q=query).json()["tagValues"]
    assert sorted((each["type"], each["value"]) for each in answer) == values
    plain = get(f"/api/search/tag/{name}/values").json()["tagValues"]
    assert {value for _, value in values} <= set(plain)


def test_series_over_time(get: Get) -> None:
    between = {"start": str(NOW // 10**9), "end": str(NOW // 10**9 + 2), "step": "1s"}
    answer = get("/api/metrics/query_range", q='{ name = "SELECT" } | count_over_time() by (name)', **between).json()
    (series,) = answer["series"]
    assert series["labels"] == [{"key": "name", "value": {"stringValue": "SELECT"}}]
    assert series["samples"][0] == {"timestampMs": str(NOW // MS), "value": 2.0}
    assert series["exemplars"] == []
    asked = {"q": "{ status = error } | max_over_time(duration)", "exemplars": "100000"}
    (series,) = get("/api/metrics/query_range", **asked, **between).json()["series"]
    (exemplar,) = series["exemplars"]
    assert exemplar["labels"][0] == {"key": "trace:id", "value": {"stringValue": TRACE}}
    assert (exemplar["value"], exemplar["timestampMs"]) == (0.5, str(NOW // MS + 3))
    (instant,) = get("/api/metrics/query", q="{ } | rate()", **between).json()["series"]
    assert (instant["value"], instant["promLabels"]) == (5.0, '{__name__="rate"}')


@pytest.mark.parametrize(
    ("path", "params", "words"),
    [
        ("search", {"q": "{ .a = }"}, "invalid TraceQL query: parse error at line 1, col 8: "),
        ("search", {"limit": "0"}, "invalid limit"),
        ("search", {"start": "x"}, "invalid start"),
        ("search", {"tags": "nonsense"}, "invalid tags"),
        ("metrics/query_range", {"q": "{ }"}, "ends in a function"),
        ("metrics/query_range", {"q": "{ } | rate()", "exemplars": "some"}, "invalid exemplars"),
        ("search", {"q": "({ } | rate()) / ({ } | rate())"}, "computes series"),
        ("metrics/query_range", {"q": "{ } | rate()", "step": "1ms"}, "steps"),
        ("v2/search/tags", {"scope": "nobody"}, "invalid scope"),
        ("v2/search/tag/{}/values", {}, "is no tag"),
    ],
    ids=str,
)
def test_wrong_requests_are_told_why(get: Get, path: str, params: dict[str, str], words: str) -> None:
    answer = get(f"/api/{path}", **params)
    assert answer.status_code == 400 and words in answer.text


def test_probes_of_the_data_source(get: Get) -> None:
    assert get("/api/echo").text == "echo" and get("/ready").text == "ready\n"
    assert get("/api/status/buildinfo").json()["version"]
