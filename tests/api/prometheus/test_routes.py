"""The Prometheus API over the engine: answers, errors, access."""

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.api.prometheus.client import PREFIX, call
from tests.api.prometheus.conftest import NOW_MS, Get
from tests.api.prometheus.stored import store_series
from traceo.api.app import ApiServices
from traceo.api.compat.prometheus import query as query_routes

AT = NOW_MS / 1000
RANGE = {"query": "up", "start": AT - 60, "end": AT, "step": 15}
ROUTES: list[tuple[str, dict[str, Any]]] = [
    ("query", {"query": "up", "time": AT}),
    ("query_range", RANGE),
    ("query_exemplars", {"query": "up"}),
    ("format_query", {"query": "up"}),
    ("parse_query", {"query": "up"}),
    ("series", {"match[]": "up"}),
    ("labels", {}),
    ("label/job/values", {}),
    ("metadata", {}),
    ("targets", {}),
    ("targets/metadata", {}),
    ("scrape_pools", {}),
    ("rules", {"type": "alert"}),
    ("alerts", {}),
    ("alertmanagers", {}),
    *((f"status/{name}", {}) for name in ("buildinfo", "runtimeinfo", "config", "flags", "walreplay", "tsdb")),
]
FORMS = ("query", "query_range", "query_exemplars", "format_query", "parse_query", "series", "labels")


@pytest.mark.parametrize(("path", "params"), ROUTES, ids=lambda value: str(value)[:20])
def test_route_succeeds_in_prometheus_shape(services: ApiServices, path: str, params: dict[str, Any]) -> None:
    response = call(services, "GET", f"{PREFIX}/{path}", params=params)
    assert response.status_code == 200, response.text
    assert response.json()["status"] == "success" and "data" in response.json()
    if path in FORMS:
        assert call(services, "POST", f"{PREFIX}/{path}", data=params).json()["data"] == response.json()["data"]


@pytest.mark.parametrize(("path", "params"), [*ROUTES, ("../../federate", {"match[]": "up"})], ids=str)
@pytest.mark.parametrize(("token", "status"), [("wrong", 401), ("ingest", 403)])
def test_route_needs_the_scope_query(
    services: ApiServices, path: str, params: dict[str, Any], token: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    response = call(services, "GET", f"{PREFIX}/{path}", params=params, headers=headers)
    assert (response.status_code, response.json()["status"]) == (status, "error")


@pytest.mark.parametrize(("lookback", "found"), [("0", 1), ("-5", 1), ("1ms", 0), ("10m", 1)])
def test_lookback_of_zero_is_the_one_of_the_configuration(services: ApiServices, lookback: str, found: int) -> None:
    params = {"query": "up", "time": AT + 1, "lookback_delta": lookback}
    response = call(services, "GET", f"{PREFIX}/query", params=params)
    assert (len(response.json()["data"]["result"]) > 0) == found, response.text


ERRORS = yaml.safe_load((Path(__file__).parent / "errors.yaml").read_text())
DEEP = {"path": "query", "params": {"query": "(" * 10_000 + "1" + ")" * 10_000}, "error": ""}


@pytest.mark.parametrize("case", [*ERRORS, DEEP], ids=lambda case: f"{case['path']} {case['error'][:40]}")
def test_wrong_requests_get_prometheus_errors(services: ApiServices, case: dict[str, Any]) -> None:
    sent = {"data" if case is DEEP else "params": case.get("params", {})}
    response = call(services, "POST" if case is DEEP else "GET", f"{PREFIX}/{case['path']}", **sent)
    assert response.status_code == 400
    assert set(response.json()) == {"status", "errorType", "error"}
    assert response.json()["errorType"] == "bad_data"
    assert case["error"] in response.json()["error"]


def test_a_query_of_a_megabyte_is_refused_or_answered(services: ApiServices) -> None:
    response = call(services, "POST", f"{PREFIX}/query", data={"query": "1+" * 500_000 + "1"})
    assert response.status_code in (200, 400, 422)
    assert response.json()["status"] in ("success", "error")


def test_series_have_all_their_labels_and_are_in_order(get: Get) -> None:
    found = get("series", match=["up", '{code="200"}']).json()["data"]
    assert found == [
        {"__name__": "http_requests_total", "code": "200", "instance": "a:1", "job": "api"},
        {"__name__": "up", "instance": "a:1", "job": "api"},
        {"__name__": "up", "instance": "b:2", "job": "api"},
    ]


def test_matchers_choose_names_and_values(get: Get) -> None:
    assert get("labels").json()["data"] == ["__name__", "code", "instance", "job", "text"]
    assert get("labels", match='{job="old"}').json()["data"] == ["__name__", "job"]
    assert get("labels", match="nothing").json()["data"] == []
    assert get("label/__name__/values").json()["data"] == ["gone", "http_requests_total", "odd", "up"]
    assert get("label/__name__/values", match='{job!="old",instance=~"a.+"}').json()["data"] == [
        "http_requests_total",
        "up",
    ]
    assert get("label/instance/values", match="up").json()["data"] == ["a:1", "b:2"]
    assert get("label/U__no_2e_such/values").json()["data"] == []
    assert get("label/job/values", start=AT + 7 * 86_400).json()["data"] == []


@pytest.mark.parametrize("path", ["series", "labels", "label/instance/values"])
def test_long_lists_are_cut_with_a_warning(get: Get, path: str) -> None:
    cut = get(path, match="up", limit=1).json()
    assert (len(cut["data"]), cut["warnings"]) == (1, ["results truncated due to limit"])
    assert "warnings" not in get(path, match="up", limit=100).json()
    assert len(get(path, match="up", limit=0).json()["data"]) > 1


def test_a_tenant_sees_its_own_only(services: ApiServices) -> None:
    other = {"X-Scope-OrgID": "somebody-else"}
    for path in ("labels", "label/__name__/values", "series?match[]=up"):
        assert call(services, "GET", f"{PREFIX}/{path}", headers=other).json()["data"] == []
    assert call(services, "GET", f"{PREFIX}/query?query=up", headers=other).json()["data"]["result"] == []


def test_values_of_every_shape(get: Get) -> None:
    vector = get("query", query='up{instance="a:1"}', time=AT).json()["data"]
    assert vector["resultType"] == "vector"
    assert vector["result"] == [{"metric": {"__name__": "up", "instance": "a:1", "job": "api"}, "value": [AT, "0"]}]
    assert get("query", query="1.5", time=AT).json()["data"] == {"resultType": "scalar", "result": [AT, "1.5"]}
    assert get("query", query='"x"', time=1.5).json()["data"] == {"resultType": "string", "result": [1.5, "x"]}
    matrix = get("query_range", query="up", start=AT - 30, end=AT, step="15s", limit=1).json()
    assert matrix["data"]["result"][0]["values"] == [[AT - 30, "30"], [AT - 15, "15"], [AT, "0"]]
    assert (len(matrix["data"]["result"]), matrix["warnings"]) == (1, ["results truncated due to limit"])
    odd = get("query", query="odd", time=AT).json()["data"]["result"][0]
    assert (odd["metric"]["text"], odd["value"][1]) == ('a "quoted"\\ line\nend é', "NaN")


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ('"\\xff"', [AT, "\ufffd"]),
        ("1/0", [AT, "+Inf"]),
        ("-1/0", [AT, "-Inf"]),
        ("0/0", [AT, "NaN"]),
        ('label_replace(vector(1), "a", "\\xff", "", "")', [{"metric": {"a": "\ufffd"}, "value": [AT, "1"]}]),
        ("up offset 10y", []),
        ("1e21", [AT, "1000000000000000000000"]),
    ],
)
def test_odd_values_are_written(get: Get, query: str, result: list[Any]) -> None:
    assert get("query", query=query, time=AT).json()["data"]["result"] == result


def test_everything_can_be_asked_for(get: Get) -> None:
    found = get("query", query='{__name__=~".+"}', time=AT).json()["data"]["result"]
    assert {series["metric"]["__name__"] for series in found} == {"up", "http_requests_total", "odd"}
    assert get("query", query='up{a="\\xff').json()["errorType"] == "bad_data"


@pytest.mark.parametrize("points", [2, 10**9], ids=["streamed", "at once"])
def test_long_answers_are_compressed_for_who_takes_it(
    services: ApiServices, monkeypatch: pytest.MonkeyPatch, points: int
) -> None:
    monkeypatch.setattr(query_routes, "SMALL", points)
    params = RANGE | {"start": AT - 600, "step": 1}
    plain, packed = (
        call(services, "GET", f"{PREFIX}/query_range", params=params, headers={"Accept-Encoding": encoding})
        for encoding in ("identity", "gzip")
    )
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.json() == plain.json() and len(plain.json()["data"]["result"]) == 2
    assert "content-encoding" not in call(services, "GET", f"{PREFIX}/query?query=1").headers


def test_statistics_when_asked_for(get: Get) -> None:
    assert set(get("query", query="up", stats="all").json()["data"]["stats"]) == {"timings", "samples"}
    assert "stats" not in get("query", query="up").json()["data"]


def test_expressions_are_laid_out_and_drawn(get: Get) -> None:
    assert get("format_query", query="sum by(job)(rate(up[5m]))").json()["data"] == "sum by (job) (rate(up[5m]))"
    tree = get("parse_query", query='foo{a=~"b"}[5m:1m] offset 1m @ end()').json()["data"]
    assert tree == {
        "type": "subquery",
        "expr": {
            "type": "vectorSelector",
            "name": "foo",
            "offset": 0,
            "timestamp": None,
            "startOrEnd": None,
            "matchers": [
                {"name": "a", "value": "b", "type": "=~"},
                {"name": "__name__", "value": "foo", "type": "="},
            ],
            "anchored": False,
            "smoothed": False,
        },
        "range": 300_000,
        "offset": 60_000,
        "timestamp": None,
        "startOrEnd": "end",
        "step": 60_000,
    }


@pytest.mark.parametrize(
    "query",
    [
        "-1 + 2",
        'label_replace(up, "a", "$1", "b", "(.*)")',
        "topk by (job) (3, (a / on (x) group_left (y) b))",
        "rate(a[5m] offset -1h)",
        "a == bool 1",
        '"text"',
        "a + fill (0) b",
    ],
)
def test_every_node_can_be_drawn(get: Get, query: str) -> None:
    assert get("parse_query", query=query).json()["data"]["type"]


def test_tsdb_status_counts_todays_series(get: Get) -> None:
    head = get("status/tsdb").json()["data"]
    assert head["headStats"]["numSeries"] == 5
    assert head["seriesCountByMetricName"][0] == {"name": "up", "value": 2}
    assert {"name": "instance", "value": 2} in head["labelValueCountByLabelName"]
    assert {"name": "job=api", "value": 3} in head["seriesCountByLabelValuePair"]


def test_probes_need_no_credential(services: ApiServices) -> None:
    for path in ("healthy", "ready"):
        assert call(services, "GET", f"/prometheus/-/{path}", headers={"Authorization": "Bearer wrong"}).is_success


def test_federation_serves_the_newest_samples_with_their_times(services: ApiServices) -> None:
    """Of five minutes before now, which is later than the run's begin: the samples are its own."""
    url, tenant, now_ms = "/prometheus/federate", "federated-text", int(time.time()) * 1000
    points = [(now_ms - 1000 * back, float(back)) for back in range(0, 600, 15)]
    for name, series, sent in (
        ("http_requests_total", {"code": "200", "instance": "a:1", "job": "api"}, points),
        ("up", {"instance": "a:1", "job": "api"}, points),
        ("up", {"instance": "b:2", "job": "api"}, points),
        ("gone", {"job": "old"}, [(now_ms - 30_000, 1.0), (now_ms - 10_000, None)]),
        ("odd", {"text": 'a "quoted"\\ line\nend é'}, [(now_ms, float("nan"))]),
    ):
        store_series(tenant, name, series, sent)  # type: ignore[arg-type]
    headers = {"X-Scope-OrgID": tenant}
    text = call(services, "GET", url, params={"match[]": ['{job="api"}', "gone", "up"]}, headers=headers).text
    assert text.splitlines() == [
        "# TYPE http_requests_total untyped",
        f'http_requests_total{{code="200",instance="a:1",job="api"}} 0 {now_ms}',
        "# TYPE up untyped",
        f'up{{instance="a:1",job="api"}} 0 {now_ms}',
        f'up{{instance="b:2",job="api"}} 0 {now_ms}',
    ]
    accept = {"Accept": "application/openmetrics-text;version=1.0.0"}
    opened = call(services, "GET", url, params={"match[]": "odd"}, headers=headers | accept)
    assert opened.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    labels = 'instance="",text="a \\"quoted\\"\\\\ line\\nend é"'
    assert opened.text == f"# TYPE odd unknown\nodd{{{labels}}} NaN {now_ms // 1000}\n# EOF\n"
    (family,) = openmetrics.text_string_to_metric_families(opened.text)
    assert family.samples[0].labels == {"instance": "", "text": 'a "quoted"\\ line\nend é'}
    assert [len(family.samples) for family in text_string_to_metric_families(text)] == [1, 2]
    assert call(services, "GET", url, params={"match[]": "up["}).status_code == 400
