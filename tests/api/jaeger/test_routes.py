"""Jaeger's API: what its UI and Grafana's data source ask, and the JSON that they read."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.api.prometheus.client import call, make_services
from tests.query.traceql.stored import MS, NOW, TENANT, load
from traceo.api.app import ApiServices
from traceo.state.database import open_state

Get = Callable[..., httpx.Response]
TRACE = "1".rjust(32, "0")
RANGE = {"start": str((NOW - 3600 * 10**9) // 1000), "end": str((NOW + 3600 * 10**9) // 1000)}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServices]:
    database = open_state(f"sqlite:///{tmp_path_factory.mktemp('state')}/state.db")
    yield make_services(database)
    database.dispose()


@pytest.fixture(scope="module")
def get(services: ApiServices) -> Get:
    load()

    def ask(path: str, **params: Any) -> httpx.Response:
        return call(services, "GET", f"/jaeger/api/{path}", headers={"X-Scope-OrgID": TENANT}, params=params)

    return ask


def test_services_and_operations(get: Get) -> None:
    services = get("services").json()
    assert (services["data"], services["total"], services["errors"]) == (["cart", "db", "shop"], 3, None)
    assert get("services/cart/operations").json()["data"] == ["add", "pay"]
    assert get("operations", service="cart", spanKind="client").json()["data"] == [
        {"name": "add", "spanKind": "client"}
    ]
    assert get("v3/services").json() == {"services": ["cart", "db", "shop"]}
    assert {"name": "add", "spanKind": "client"} in get("v3/operations", service="cart").json()["operations"]


def test_trace_has_spans_and_processes(get: Get) -> None:
    (trace,) = get(f"traces/{TRACE}").json()["data"]
    spans = {span["operationName"]: span for span in trace["spans"]}
    pay = spans["pay"]
    assert trace["traceID"] == TRACE and len(spans) == 4
    assert (pay["startTime"], pay["duration"]) == ((NOW + 3 * MS) // 1000, 500_000)
    assert pay["references"] == [
        {"refType": "CHILD_OF", "traceID": TRACE, "spanID": "0" * 15 + "1"},
        {"refType": "FOLLOWS_FROM", "traceID": "07" * 16, "spanID": "08" * 8},
    ]
    tags = {tag["key"]: (tag["type"], tag["value"]) for tag in pay["tags"]}
    assert tags["http.status_code"] == ("int64", 500) and tags["cost"] == ("float64", 1.5)
    assert tags["error"] == ("bool", True) and tags["otel.status_code"] == ("string", "ERROR")
    assert tags["span.kind"] == ("string", "server") and tags["otel.status_description"] == ("string", "no money")
    (log,) = pay["logs"]
    assert log["timestamp"] == (NOW + 7 * MS) // 1000
    assert [field["value"] for field in log["fields"]] == ["exception", "Oops"]
    process = trace["processes"][pay["processID"]]
    assert process == {"serviceName": "cart", "tags": [{"key": "env", "type": "string", "value": "test"}]}
    assert len(get(f"v3/traces/{TRACE}").json()["result"]["resourceSpans"]) == 3


@pytest.mark.parametrize(
    ("params", "traces"),
    [
        ({"service": "cart"}, {1}),
        ({"service": "db"}, {1, 2}),
        ({"service": "db", "operation": "SELECT", "minDuration": "100ms"}, {1}),
        ({"service": "cart", "tags": '{"http.status_code":"500","error":"true"}'}, {1}),
        ({"service": "cart", "tags": '{"http.status_code":"404"}'}, set()),
        ({"service": "cart", "tag": "span.kind:client"}, {1}),
        ({"service": "shop", "tag": "user id:u1"}, {1}),
        ({"service": "shop", "maxDuration": "50ms"}, {3, 4}),
        ({"service": "nobody"}, set()),
    ],
    ids=["service", "two", "slow", "tags", "none", "kind", "blank in a name", "quick", "unknown"],
)
def test_search(get: Get, params: dict[str, str], traces: set[int]) -> None:
    found = get("traces", **RANGE, **params).json()
    assert {int(trace["traceID"], 16) for trace in found["data"]} == traces


def test_traces_that_are_named(get: Get) -> None:
    found = get("traces", traceID=[TRACE, "f" * 32]).json()
    assert [trace["traceID"] for trace in found["data"]] == [TRACE]
    assert [(error["code"], error["traceID"]) for error in found["errors"]] == [(404, "f" * 32)]


def test_dependencies_have_jaegers_shape(get: Get) -> None:
    assert get("dependencies", endTs=str(NOW // MS), lookback="3600000").json()["data"] == []


@pytest.mark.parametrize(
    ("path", "params", "status", "words"),
    [
        ("traces", {}, 400, "parameter 'service' is required"),
        ("traces", {"service": "x", "limit": "x"}, 400, "param 'limit'"),
        ("traces", {"service": "x", "start": "yesterday"}, 400, "param 'start'"),
        ("traces", {"service": "x", "tags": "{"}, 400, "malformed 'tags'"),
        ("traces", {"service": "x", "tag": "x"}, 400, "malformed 'tag'"),
        ("traces", {"service": "x", "minDuration": "long"}, 400, "param 'minDuration'"),
        ("traces/" + "f" * 32, {}, 404, "is not here"),
        ("traces/xyz", {}, 400, "is not a trace id"),
        ("operations", {}, 400, "parameter 'service' is required"),
        ("dependencies", {"endTs": "x"}, 400, "param 'endTs'"),
    ],
    ids=["service", "limit", "start", "tags", "tag", "duration", "unknown", "no id", "operations", "dependencies"],
)
def test_wrong_requests_are_told_why(get: Get, path: str, params: dict[str, str], status: int, words: str) -> None:
    answer = get(path, **params)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (status, status) and words in error["msg"]
