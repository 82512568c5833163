"""What Grafana's Tempo data source and Traces Drilldown send, as they send it, and what they read of the answer."""

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tests.api.tempo.conftest import Get
from tests.query.traceql.stored import NOW

SECOND = NOW // 10**9
FROM, TO = SECOND - 900, SECOND + 900
TRACE = "1".rjust(32, "0")
# Path and query, and where in the answer there must be something.
REQUESTS: dict[str, tuple[str, dict[str, str], list[Any]]] = {
    "explore, search": (
        "/api/search",
        {"q": '{resource.service.name="cart" && duration>100ms}', "limit": "20", "spss": "3"},
        ["traces", 0, "spanSets", 0, "spans", 0, "spanID"],
    ),
    "search builder": (
        "/api/search",
        {"q": '{resource.service.name=~"cart|db" && name!~"x.*" && status=error}', "limit": "20", "spss": "10"},
        ["traces", 0, "rootServiceName"],
    ),
    "drilldown, root spans": (
        "/api/metrics/query_range",
        {"q": "{nestedSetParent<0 && true} | rate()", "step": "60s", "exemplars": "100"},
        ["series", 0, "samples", 0, "value"],
    ),
    "drilldown, breakdown": (
        "/api/metrics/query_range",
        {"q": "{nestedSetParent<0 && true && resource.service.name != nil} | rate() by(resource.service.name)"},
        ["series", 0, "labels", 0, "value", "stringValue"],
    ),
    "drilldown, heat map": (
        "/api/metrics/query_range",
        {"q": "{nestedSetParent<0 && true} | histogram_over_time(duration) with(sample=true)", "step": "30"},
        ["series", 0, "labels", 0, "value", "doubleValue"],
    ),
    "drilldown, comparison": (
        "/api/metrics/query_range",
        {"q": "{nestedSetParent<0 && true} | compare({status = error}, 10)", "step": "1800s"},
        ["series", 0, "labels", 0, "value", "stringValue"],
    ),
    "drilldown, structure": (
        "/api/search",
        {
            "q": "{nestedSetParent<0 && true} &>> { kind = server } | select(status, resource.service.name, name, "
            "nestedSetParent, nestedSetLeft, nestedSetRight)",
            "limit": "200",
            "spss": "20",
        },
        ["traces", 0, "spanSets", 0, "spans", 0, "attributes", 0, "value"],
    ),
    "instant": (
        "/api/metrics/query",
        {"q": "{} | quantile_over_time(duration, .9) by (name)"},
        ["series", 0, "value"],
    ),
    "tags": ("/api/v2/search/tags", {"limit": "5000"}, ["scopes", 0, "tags", 0]),
    "tag values": (
        "/api/v2/search/tag/resource.service.name/values",
        {"q": '{resource.env="test"}', "limit": "5000"},
        ["tagValues", 0, "value"],
    ),
    "tag values of an intrinsic": ("/api/v2/search/tag/name/values", {"q": "{}"}, ["tagValues", 0, "value"]),
    "tags, older": ("/api/search/tags", {}, ["tagNames", 0]),
    "trace": (f"/api/v2/traces/{TRACE}", {}, ["trace", "resourceSpans", 0, "scopeSpans", 0, "spans", 0, "traceId"]),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_answered_with_what_is_read(get: Get, name: str) -> None:
    path, params, place = REQUESTS[name]
    answer = get(path, start=str(FROM), end=str(TO), **params)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    for step in place:
        found = found[step]
    assert found not in (None, "", {})


def test_the_trace_view_asks_for_protobuf(get: Get) -> None:
    """`TraceByIDResponse`: the trace is its first field."""
    answer = get(f"/api/v2/traces/{TRACE}", "application/protobuf", start=str(FROM), end=str(TO))
    assert answer.headers["content-type"] == "application/protobuf"
    trace = TracesData.FromString(get(f"/api/traces/{TRACE}", "application/protobuf").content)
    assert answer.content.endswith(trace.SerializeToString()) and len(trace.resource_spans) == 3


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("{ } | rate()", 400, "steps: choose a longer one"),
        ("{ } >> { } | rate()", 400, "steps: choose a longer one"),
    ],
)
def test_a_year_in_seconds_is_refused(get: Get, query: str, status: int, words: str) -> None:
    answer = get("/api/metrics/query_range", q=query, start=str(SECOND - 365 * 86400), end=str(TO), step="1s")
    assert answer.status_code == status and words in answer.text


def test_a_year_of_everything_is_answered_up_to_the_limit(get: Get) -> None:
    for query in ("{ }", "{ } >> { }"):
        answer = get("/api/search", q=query, start=str(SECOND - 365 * 86400), end=str(TO), limit="2")
        assert answer.status_code == 200 and 1 <= len(answer.json()["traces"]) <= 2
