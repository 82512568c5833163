"""The routes of analysis over HTTP: answers, what they refuse, and tenants kept apart."""

from typing import Any

import pytest

from tests.api.test_api import call, policies  # noqa: F401  (the fixture of all its services)
from tests.moment import NOW_S
from tests.query.engine import insert
from tests.query.telemetry import pairs, span, traces
from traceo.store.base import Signal

NOW = NOW_S * 10**9
MS = 10**6
TENANT, OTHER = "analysis-api", "analysis-api-other"
EXCEPTION = {"exception.type": "ValueError", "exception.message": "bad"}
PATH = "/api/v1/analysis/critical-path"
MAP, COMPARE, ERRORS = "/api/v1/analysis/heatmap", "/api/v1/analysis/compare", "/api/v1/errors"
OPERATION = "service=shop&operation=buy"
SLOW, FAST = {"traceql": "{ duration > 50ms }"}, {"traceql": "{ name = `buy` && duration <= 50ms }"}
SETS = {"selection": SLOW, "baseline": FAST}


@pytest.fixture(scope="module", autouse=True)
def data() -> None:
    """80 traces, every fourth of them slow and failed; and one of another tenant."""
    spans: list[Any] = []
    for number in range(1, 81):
        slow = number % 4 == 0
        event = {"time_unix_nano": NOW, "name": "exception", "attributes": pairs(EXCEPTION)}
        failed = {"status": {"code": 2}, "events": [event]} if slow else {}
        attributes = {"flag": "new" if slow else "old"}
        total = (100 if slow else 10) * MS
        at = NOW - number * 10**8
        spans.append(span(number, 1, at, name="buy", duration_ns=total, attributes=attributes, **failed))
        spans.append(span(number, 2, at, parent=1, name="take", duration_ns=total // 2))
    insert(TENANT, Signal.TRACES, traces("shop", spans))
    insert(OTHER, Signal.TRACES, traces("shop", [span(1, 9, NOW, name="theirs", status={"code": 2})]))


def ask(method: str, path: str, tenant: str = TENANT, **request: Any) -> Any:
    response = call(method, path, headers={"X-Scope-OrgID": tenant}, **request)
    assert response.status_code == 200, response.text
    return response.json()


def test_critical_path_of_a_trace() -> None:
    path = ask("GET", "/api/v1/traces/4/critical-path")
    assert sum(part["duration_ns"] for part in path["segments"]) == path["duration_ns"] == 100 * MS
    assert {part["operation"] for part in path["on_path"]} == {"buy", "take"}
    assert ask("GET", "/api/v1/traces/4/critical-path?root=0000000000000002")["duration_ns"] == 50 * MS


def test_critical_path_of_an_operation() -> None:
    path = ask("GET", f"{PATH}?{OPERATION}&quantile=0.95&baseline=0.2")
    assert path["traces"] == 80 and path["difference_ms"] == pytest.approx(90)
    assert {row["operation"]: row["difference_ms"] for row in path["contributions"]} == pytest.approx(
        {"buy": 45, "take": 45}
    )
    narrowed = ask("GET", PATH, params={"service": "shop", "operation": "buy", "traceql": "{ span.flag = `new` }"})
    assert narrowed["traces"] == 20
    of_structure = {"service": "shop", "operation": "take", "traceql": "{ status = error } > { }"}
    assert ask("GET", PATH, params=of_structure)["traces"] == 20


def test_compare_names_the_flag() -> None:
    found = ask("POST", COMPARE, json=SETS)
    assert (found["selection"]["traces"], found["baseline"]["traces"]) == (20, 60)
    assert found["keys"][0]["key"] == "flag" and found["keys"][0]["effect"] == pytest.approx(1)
    assert ("flag", "new") in [(row["key"], row["value"]) for row in found["attributes"][:4]]
    assert found["durations"][0]["distance"] == 1
    assert len(ask("POST", COMPARE, json={**SETS, "limit": 1})["attributes"]) == 1
    assert ask("POST", COMPARE, json={**SETS, "max_traces": 10})["sampled"]


@pytest.mark.parametrize(
    ("narrow", "spans", "source"),
    [
        ({}, 160, "spans"),
        ({"service": "shop", "operation": "buy"}, 80, "rollup"),
        ({"service": "shop", "traceql": "{ span.flag = `new` }"}, 20, "spans"),
        ({"traceql": "{ name = `buy` } > { name = `take` }"}, 80, "spans"),
    ],
    ids=["all", "operation", "span", "structure"],
)
def test_heatmap_counts_what_is_asked_for(narrow: dict[str, str], spans: int, source: str) -> None:
    found = ask("GET", MAP, params={**narrow, "start": "-1h", "end": "+1m"})
    assert (sum(cell["count"] for cell in found["cells"]), found["source"]) == (spans, source)


def test_errors_are_grouped() -> None:
    (group,) = ask("GET", ERRORS)["errors"]
    assert (group["type"], group["count"], group["traces"]) == ("ValueError", 20, 20)
    assert ask("GET", f"{ERRORS}?operation=take")["errors"] == []


def test_a_tenant_is_told_nothing_of_another() -> None:
    assert call("GET", "/api/v1/traces/4/critical-path", headers={"X-Scope-OrgID": OTHER}).status_code == 404
    assert call("GET", f"{PATH}?{OPERATION}", headers={"X-Scope-OrgID": OTHER}).status_code == 404
    sets = {"selection": {"traceql": "{ } >> { }"}, "baseline": {"traceql": "{ duration <= 50ms }"}}
    refused = call("POST", COMPARE, headers={"X-Scope-OrgID": OTHER}, json=sets)
    assert refused.status_code == 400 and "no trace is in the selection" in refused.text
    assert sum(cell["count"] for cell in ask("GET", f"{MAP}?end=%2B1m", OTHER)["cells"]) == 1
    (group,) = ask("GET", f"{ERRORS}?end=%2B1m", OTHER)["errors"]
    assert (group["kind"], group["count"]) == ("status", 1)


BAD = [
    ("GET", "/api/v1/traces/xyz/critical-path", {}, 400, "trace id"),
    ("GET", "/api/v1/traces/4/critical-path?root=77", {}, 404, "span"),
    ("GET", PATH, {}, 400, "service and operation"),
    ("GET", f"{PATH}?{OPERATION}&quantile=1.5", {}, 400, "quantile"),
    ("GET", f"{PATH}?{OPERATION}&baseline=nan", {}, 400, "baseline"),
    ("GET", f"{PATH}?{OPERATION}&max_traces=1", {}, 400, "max_traces"),
    ("GET", f"{PATH}?{OPERATION}&min_duration=5", {}, 400, "duration"),
    ("GET", PATH, {"params": {"service": "shop", "operation": "buy", "traceql": "{ "}}, 400, "expected"),
    ("GET", f"{PATH}?service=shop&operation=none", {}, 404, "no span 'none'"),
    ("GET", f"{MAP}?per_double=3", {}, 400, "per_double"),
    ("GET", f"{MAP}?columns=501", {}, 400, "columns"),
    ("GET", f"{MAP}?start=now&end=-1h", {}, 400, "start"),
    ("GET", f"{MAP}?kind=big", {}, 400, "kind"),
    ("GET", MAP, {"params": {"traceql": "{ } | rate()"}}, 400, "find spans"),
    ("GET", f"{ERRORS}?limit=501", {}, 400, "limit"),
    ("GET", f"{ERRORS}?points=0", {}, 400, "points"),
    ("POST", COMPARE, {"content": b"{"}, 400, ""),
    ("POST", COMPARE, {"json": {"selection": {}}}, 400, "baseline"),
    ("POST", COMPARE, {"json": {**SETS, "sets": 3}}, 400, "sets"),
    ("POST", COMPARE, {"json": {**SETS, "limit": 0}}, 400, "limit"),
    ("POST", COMPARE, {"json": {**SETS, "spans": "some"}}, 400, "spans"),
    ("POST", COMPARE, {"json": {**SETS, "selection": {"min_quantile": 2}}}, 400, "min_quantile"),
    ("POST", COMPARE, {"json": {**SETS, "selection": {"attributes": {str(n): "" for n in range(51)}}}}, 400, "50"),
    ("POST", COMPARE, {"json": {**SETS, "baseline": SLOW}}, 400, "no trace is in the baseline"),
]


@pytest.mark.parametrize(("method", "path", "request_", "status", "message"), BAD, ids=str)
def test_wrong_questions_are_told_why(
    method: str, path: str, request_: dict[str, Any], status: int, message: str
) -> None:
    response = call(method, path, headers={"X-Scope-OrgID": TENANT}, **request_)
    assert response.status_code == status, response.text
    assert message in response.json()["error"]["message"]
