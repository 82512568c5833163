"""Traces that no tracer should send, through every API that reads traces: each is shown whole, and none fails."""

import base64
import secrets
from typing import Any

import pytest

from tests.api.test_api import call, policies  # noqa: F401  (the fixture of all its services)
from tests.moment import NOW_S
from tests.query.engine import insert
from tests.query.telemetry import span, traces
from traceo.store.base import Signal

NOW = NOW_S * 10**9
MS = 10**6
TENANT = f"bad-traces-{secrets.token_hex(4)}"
# By the number of the trace: spans as (number, parent, duration in ms).
SHAPES: dict[str, tuple[int, list[tuple[int, int, int]]]] = {
    "a cycle of three": (1, [(1, 3, 9), (2, 1, 5), (3, 2, 2)]),
    "its own parent": (2, [(1, 1, 9)]),
    "a cycle beside a root": (3, [(1, 0, 9), (2, 3, 5), (3, 2, 2)]),
    "a missing parent": (4, [(1, 77, 9), (2, 1, 5)]),
    "two roots": (5, [(1, 0, 9), (2, 0, 5)]),
    "equal ids": (6, [(1, 0, 9), (2, 1, 5), (2, 1, 3)]),
    "an id that is also the parent's": (7, [(1, 0, 9), (1, 1, 5)]),
    "ends before it begins": (8, [(1, 0, -9), (2, 1, -5)]),
    "no length": (9, [(1, 0, 0), (2, 1, 0)]),
}
RANGE = {"start": str(NOW_S - 3600), "end": str(NOW_S + 3600)}
MICROSECONDS = {name: f"{value}000000" for name, value in RANGE.items()}
STRUCTURE = (
    "{ } >> { }",
    "{ } << { }",
    "{ } > { }",
    "{ } ~ { }",
    "{ } !>> { }",
    "{ } &>> { }",
    "{ nestedSetParent < 0 }",
    "{ rootName != `` } | count() > 0",
    "{ trace:duration >= 0 } | select(nestedSetLeft, nestedSetRight)",
)


@pytest.fixture(scope="module", autouse=True)
def data() -> None:
    for trace, spans in SHAPES.values():
        made = [
            span(trace, number, NOW, parent=parent, duration_ns=length * MS, name=f"n{number}")
            for number, parent, length in spans
        ]
        insert(TENANT, Signal.TRACES, traces("shop", made))


def ask(path: str, tenant: str = TENANT, **params: str) -> Any:
    answer = call("GET", path, headers={"X-Scope-OrgID": tenant}, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("shape", SHAPES)
def test_trace_is_shown_whole(shape: str) -> None:
    trace, spans = SHAPES[shape]
    trace_id = f"{trace:032x}"
    own = ask(f"/api/v1/traces/{trace_id}")["spans"]
    assert sorted(one["duration_ns"] // MS for one in own) == sorted(length for *_, length in spans)
    tempo = ask(f"/tempo/api/v2/traces/{trace_id}")["trace"]["resourceSpans"]
    assert sum(len(scope["spans"]) for group in tempo for scope in group["scopeSpans"]) == len(spans)
    (jaeger,) = ask(f"/jaeger/api/traces/{trace_id}")["data"]
    assert len(jaeger["spans"]) == len(spans)
    assert all(one["duration"] >= 0 for one in jaeger["spans"])
    path = ask(f"/api/v1/traces/{trace_id}/critical-path")
    assert path["duration_ns"] == sum(part["duration_ns"] for part in path["segments"]) >= 0


def test_texts_that_are_not_utf8_are_shown() -> None:
    tenant = f"{TENANT}-texts"
    sent = traces("shop", [span(10, 1, NOW, name="zzzz", attributes={"yyyy": "xxxx"})])
    for letter in (b"z", b"y", b"x"):
        sent = sent.replace(letter * 4, b"\xff" * 4)
    insert(tenant, Signal.TRACES, sent)
    (own,) = ask("/api/v1/traces/a", tenant)["spans"]
    (group,) = ask(f"/tempo/api/v2/traces/{10:032x}", tenant)["trace"]["resourceSpans"]
    (tempo,) = group["scopeSpans"][0]["spans"]
    unknown, raw = "\ufffd" * 4, base64.b64encode(b"\x0a\x04" + b"\xff" * 4).decode()
    assert (own["name"], own["attributes"]) == (unknown, {unknown: {"$bytes": raw}})
    assert (tempo["name"], tempo["attributes"]) == (unknown, [{"key": unknown, "value": {"bytesValue": raw}}])


@pytest.mark.parametrize("query", STRUCTURE)
def test_structure_of_traces_is_found_without_end(query: str) -> None:
    for one in ask("/tempo/api/search", q=query, limit="50", spss="50", **RANGE)["traces"]:
        assert one["spanSets"][0]["matched"] >= 1


def test_searches_and_sums_go_over_all_of_them() -> None:
    found = ask("/tempo/api/search", q="{ }", limit="50", **RANGE)["traces"]
    assert {int(one["traceID"], 16) for one in found} == {trace for trace, _ in SHAPES.values()}
    assert all(one["durationMs"] >= 0 for one in found if "durationMs" in one)
    searched = ask("/jaeger/api/traces", service="shop", limit="50", **MICROSECONDS)["data"]
    assert len(searched) == len(SHAPES)
    (series,) = ask("/tempo/api/metrics/query_range", q="{ } | count_over_time()", step="7200s", **RANGE)["series"]
    assert sum(sample["value"] for sample in series["samples"]) == sum(len(spans) for _, spans in SHAPES.values())
    times = {name: f"{value}000000000" for name, value in RANGE.items()}
    assert ask("/api/v1/analysis/critical-path", service="shop", operation="n1", **times)["traces"] == len(SHAPES)
    assert ask("/api/v1/analysis/heatmap", service="shop", **times)
    assert ask("/api/v1/errors", **times) is not None
    assert ask("/jaeger/api/dependencies", endTs=f"{NOW_S + 3600}000", lookback="7200000")["data"] is not None
