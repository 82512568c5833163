"""The same requests to Debian's Prometheus and to Traceo, over the same series: the same JSON."""

import json
from collections.abc import Iterator
from typing import Any

import cramjam
import httpx
import pytest

from tests.api.prometheus.client import call
from tests.api.prometheus.conftest import NOW_MS
from tests.api.prometheus.stored import store_series
from tests.e2e.prometheus import needs_prometheus, running_prometheus
from tests.receivers.prometheus_messages import write_request
from traceo.api.app import ApiServices

pytestmark = needs_prometheus

TENANT = "differential"
STEP_MS, POINTS = 15_000, 120
START, END = (NOW_MS - STEP_MS * POINTS) / 1000, NOW_MS / 1000
# Windows begin between samples: that of Prometheus 3 leaves out its beginning, that of 2 did not.
VALUES = (1e-7, 1e-6, 0.1, 1.0, 1e10 + 0.5, 1e15, 1.5e17, 1e20, 1e21, 1e300, float("inf"), float("-inf"))
TIMES = {"start": START, "end": END}
RANGE = TIMES | {"step": "30s"}
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    *(
        ("query", {"query": query, "time": END})
        for query in ("counter_total", "sum(counter_total)", "odd", "1/0", "-1e21", '"text"', "nothing")
    ),
    *(
        ("query", {"query": query, "time": END - 0.25})
        for query in ("counter_total", "time()", "counter_total[1m]", "1.5")
    ),
    *(
        ("query_range", RANGE | {"query": query})
        for query in ("counter_total", "rate(counter_total[127s])", "sum by (b) (counter_total)", "3")
    ),
    ("query_range", RANGE | {"query": "counter_total", "step": "7.5"}),
    ("query_range", RANGE | {"query": "counter_total", "step": "0"}),
    ("query_range", RANGE | {"query": "counter_total", "step": "x"}),
    ("query_range", RANGE | {"query": "counter_total", "end": "x"}),
    ("query_range", RANGE | {"query": "counter_total", "start": END + 1}),
    ("query_range", RANGE | {"query": "counter_total", "start": 0, "step": 1}),
    ("query_range", RANGE | {"query": '"text"'}),
    ("query_range", RANGE | {"query": "counter_total[5m]"}),
    ("query", {"query": "up", "timeout": "x"}),
    ("query", {"query": "foo{", "time": END}),
    ("query", {"query": "rate(counter_total)", "time": END}),
    ("query", {"query": "sum(counter_total", "time": END}),
    ("series", TIMES | {"match[]": ["counter_total", '{a="odd"}']}),
    ("series", TIMES),
    ("series", TIMES | {"match[]": '{a=~".*"}'}),
    ("series", TIMES | {"match[]": "counter_total{"}),
    ("labels", TIMES),
    ("labels", TIMES | {"match[]": "odd"}),
    ("label/b/values", TIMES),
    ("label/none/values", TIMES),
    ("label/a/values", TIMES | {"match[]": "counter_total"}),
    ("metadata", {}),
    ("metadata", {"limit": "x"}),
    ("query_exemplars", TIMES | {"query": "counter_total"}),
    ("query_exemplars", {"query": "counter_total", "start": 2, "end": 1}),
    ("format_query", {"query": "sum(rate(counter_total[5m]))by(b)"}),
    ("format_query", {"query": "sum("}),
    ("rules", {}),
    ("rules", {"type": "x"}),
    ("alerts", {}),
    ("alertmanagers", {}),
]


def series() -> Iterator[tuple[str, dict[str, str], list[tuple[int, float]]]]:
    times = [NOW_MS - STEP_MS * back for back in range(POINTS, -1, -1)]
    for number in range(4):
        yield (
            "counter_total",
            {"a": str(number), "b": f"é{number % 2}"},
            [(time, float(n * (number + 1))) for n, time in enumerate(times)],
        )
    for number, value in enumerate(VALUES):
        yield "odd", {"a": "odd", "n": f"{number:02d}"}, [(NOW_MS, value)]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    found = list(series())
    for metric, labels, points in found:
        store_series(TENANT, metric, labels, points)
    request = write_request(
        *(
            ({"__name__": metric, **labels}, [(value, time) for time, value in points])
            for metric, labels, points in found
        )
    )
    with running_prometheus(tmp_path_factory.mktemp("prometheus"), {}) as server:
        url = f"http://127.0.0.1:{server.port}"
        body = bytes(cramjam.snappy.compress_raw(request.SerializeToString()))
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
        assert httpx.post(f"{url}/api/v1/write", content=body, headers=headers).is_success
        yield url


@pytest.mark.parametrize(("path", "params"), REQUESTS, ids=lambda value: json.dumps(value)[:50])
def test_same_request_has_the_same_answer(
    services: ApiServices, prometheus: str, path: str, params: dict[str, Any]
) -> None:
    theirs = httpx.get(f"{prometheus}/api/v1/{path}", params=params)
    ours = call(services, "GET", f"/prometheus/api/v1/{path}", params=params, headers={"X-Scope-OrgID": TENANT})
    assert (ours.status_code, _comparable(ours.json())) == (theirs.status_code, _comparable(theirs.json()))


def _comparable(answer: Any) -> Any:
    """Series in one order, which only `topk` and `sort` promise."""
    result = answer.get("data", {})
    if (
        isinstance(result, dict)
        and isinstance(result.get("result"), list)
        and result["resultType"] in ("vector", "matrix")
    ):
        result["result"].sort(key=lambda one: json.dumps(one["metric"], sort_keys=True))
    return answer
