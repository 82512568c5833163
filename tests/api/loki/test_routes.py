"""Loki's API: parameters, shapes of answers, errors; what Grafana's data source asks."""

import asyncio
from typing import Any

import pytest

from tests.api.loki.conftest import NOW, SECOND, Get
from tests.api.prometheus.client import call
from tests.query.engine import engine
from traceo.api.app import ApiServices
from traceo.logpatterns.miner import mine_patterns

SHOP = {"app": "shop", "env": "prod", "pod": "shop-1", "service_name": "shop"}
CART = {"app": "cart", "env": "dev", "service_name": "cart"}
PAY = {"k8s_pod_name": "pay-1", "service_name": "pay"}


def test_labels_are_those_of_streams(get: Get) -> None:
    answer = get("labels").json()
    assert answer == {"status": "success", "data": ["app", "env", "k8s_pod_name", "pod", "service_name"]}
    assert get("labels", query='{app="cart"}').json()["data"] == ["app", "env", "service_name"]
    assert get("label", method="POST", query="{}").json() == answer


@pytest.mark.parametrize(
    ("name", "query", "values"),
    [
        ("app", "", ["cart", "shop"]),
        ("app", '{env="prod"}', ["shop"]),
        ("service_name", "", ["cart", "pay", "shop"]),
        ("service_name", '{k8s_pod_name=~"pay-.+"}', ["pay"]),
        ("nothing", "", []),
        ("host_name", "", []),
    ],
    ids=["all", "selector", "service", "OTLP", "none", "no index label"],
)
def test_values_of_a_label(get: Get, name: str, query: str, values: list[str]) -> None:
    assert get(f"label/{name}/values", query=query).json() == {"status": "success", "data": values}


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (['{app="shop"}'], [SHOP]),
        (['{app=~"shop|cart", env!="dev"}'], [SHOP]),
        (['{app="shop"}', '{service_name="pay"}'], [SHOP, PAY]),
        (["{}"], [CART, SHOP, PAY]),
        (['{app="nobody"}'], []),
        (['{app!="shop", service_name=~".+"}'], [CART, PAY]),
    ],
    ids=["one", "regexp", "two", "all", "none", "absent label"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_series(get: Get, match: list[str], expected: list[dict[str, str]], method: str) -> None:
    assert get("series", method=method, match=match).json() == {"status": "success", "data": expected}


def test_nothing_outside_of_the_range(get: Get) -> None:
    long_ago = {"start": "1600000000", "end": "2020-09-14T00:00:00Z"}
    assert get("labels", **long_ago).json()["data"] == []
    assert get("query_range", query='{app="shop"}', **long_ago).json()["data"]["result"] == []
    assert get("index/stats", query='{app="shop"}', **long_ago).json()["entries"] == 0


def test_other_tenants_see_nothing(get: Get) -> None:
    headers = {"X-Scope-OrgID": "stranger"}
    assert get("labels", headers=headers).json()["data"] == []
    assert get("query_range", headers=headers, query='{app="shop"}').json()["data"]["result"] == []


def test_lines_backward_and_forward(get: Get) -> None:
    data = get("query_range", query='{app="shop"}', limit=3).json()["data"]
    assert data["resultType"] == "streams"
    assert "encodingFlags" not in data
    first = data["result"][0]
    assert first["stream"].items() >= {**SHOP, "user": "u0", "detected_level": "info"}.items()
    assert first["values"] == [[str(NOW), 'level=info msg="order 0" took=0ms status=200']]
    forward = get("query_range", query='{app="shop"}', limit="3", direction="FORWARD").json()["data"]["result"]
    times = [int(value[0]) for stream in forward for value in stream["values"]]
    assert times == [NOW - back * SECOND for back in (19, 18, 17)]
    assert data["stats"]["summary"]["totalEntriesReturned"] == 3


def test_grafana_gets_labels_by_category(get: Get) -> None:
    headers = {"X-Loki-Response-Encoding-Flags": "categorize-labels", "X-Query-Tags": "Source=grafana"}
    data = get("query_range", headers=headers, query='{app="shop"} |= `order 7`').json()["data"]
    assert data["encodingFlags"] == ["categorize-labels"]
    (stream,) = data["result"]
    assert stream["stream"] == SHOP
    ((at, line, more),) = stream["values"]
    assert (at, line) == (str(NOW - 7 * SECOND), 'level=info msg="order 7" took=7ms status=200')
    assert more["structuredMetadata"].items() >= {"user": "u7", "detected_level": "info"}.items()


def test_records_of_opentelemetry_are_lines(get: Get) -> None:
    (stream,) = get("query_range", query='{service_name="pay"}').json()["data"]["result"]
    assert stream["values"] == [[str(NOW - 40 * SECOND), "from OTLP"]]
    metadata = {"trace_id": "01" * 16, "detected_level": "warn", "severity_number": "13"}
    described = {"host_name": "h1", "scope_name": "lib", "scope_version": "1.2", "lib_kind": "x"}
    assert stream["stream"] == {**PAY, **metadata, **described}


@pytest.mark.parametrize(
    "stages",
    ['| host_name="h1"', '| scope_name="lib" | lib_kind=~"x|y"', '| json | drop __error__ | scope_version != ""'],
    ids=["resource", "scope", "behind a parser"],
)
def test_resource_and_scope_are_structured_metadata(get: Get, stages: str) -> None:
    headers = {"X-Loki-Response-Encoding-Flags": "categorize-labels"}
    (stream,) = get("query_range", query=f'{{service_name="pay"}} {stages}', headers=headers).json()["data"]["result"]
    assert stream["stream"] == PAY
    assert stream["values"][0][2]["structuredMetadata"].items() >= {"host_name": "h1", "scope_name": "lib"}.items()
    assert not get("query_range", query='{service_name="pay"} | host_name="h2"').json()["data"]["result"]


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        (
            'sum by (host_name, lib_kind) (count_over_time({service_name=~"pay|shop"} [2m]))',
            {"host_name": "h1", "lib_kind": "x"},
        ),
        ('count_over_time({service_name="pay"} [2m])', {**PAY, "host_name": "h1", "scope_name": "lib"}),
        ('count_over_time({service_name="pay"} | regexp "(?P<host_name>from)" [2m])', {"host_name": "from"}),
        ('count_over_time({service_name="pay"} | keep lib_kind [2m])', {"lib_kind": "x"}),
    ],
    ids=["grouped", "all", "hidden by a parsed label", "kept"],
)
def test_series_have_what_is_said_of_resource_and_scope(get: Get, query: str, labels: dict[str, str]) -> None:
    result = get("query", query=query, time=str(NOW)).json()["data"]["result"]
    assert any(row["metric"].items() >= labels.items() for row in result), result


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ('{app="shop"} |= "order 1"', 11),
        ('{app="shop"} |= "order 1" != "order 12"', 10),
        ('{app="shop"} |~ "order 1[0-3]\\""', 4),
        ('{app="shop"} !~ `order \\d\\d`', 10),
        ('{app="shop"} |= ""', 20),
        ('{app="shop"} |= "ORDER"', 0),
        ('{app="shop"} |~ "(?i)ORDER 19"', 1),
        ('{app="shop", env=~"pro."}\n  |= "msg=\\"order 3\\""', 1),
        ('{service_name=~"shop|cart"}', 30),
        ('{service_name=~".+"} |= "level" |= "no 3"', 1),
        ('{app="a}b"} |= "x"', 0),
    ],
    ids=["text", "not", "regexp", "not regexp", "nothing", "case", "any case", "quotes", "two", "two filters", "brace"],
)
def test_filters_of_lines(get: Get, query: str, count: int) -> None:
    result = get("query_range", query=query, limit=1000).json()["data"]["result"]
    assert sum(len(stream["values"]) for stream in result) == count


def test_lines_that_are_too_close_are_left_out(get: Get) -> None:
    result = get("query_range", query='{app="shop"}', interval="5s").json()["data"]["result"]
    times = [int(value[0]) for stream in result for value in stream["values"]]
    assert times == [NOW - back * SECOND for back in (0, 5, 10, 15)]


@pytest.mark.parametrize(
    ("params", "status", "words"),
    [
        ({"query": ""}, 400, "parse error at line 1, col 1: syntax error: unexpected $end"),
        ({"query": "{}"}, 400, "queries require at least one regexp or equality matcher"),
        ({"query": '{app=~".*"}'}, 400, "queries require at least one"),
        ({"query": '{app="x"'}, 400, "parse error at line 1, col 9: syntax error: expected"),
        ({"query": "{app=x}"}, 400, "parse error at line 1, col 6: syntax error: expected a text in quotes"),
        ({"query": '{app="x"} |= x'}, 400, "parse error at line 1, col 14: syntax error: expected a text in quotes"),
        ({"query": '{app="x"}\n|~ "("'}, 400, "parse error at line 2, col 4: syntax error: error parsing regexp"),
        ({"query": '{app="x"} foo'}, 400, "syntax error: expected the end of the query, found 'foo'"),
        ({"query": '{app="x"} | nonsense'}, 400, "parse error at line 1, col 21: syntax error: 'nonsense' is no stage"),
        ({"query": 'rate({app="x"})'}, 400, "parse error at line 1, col"),
        ({"limit": "0"}, 400, "limit must be a positive value"),
        ({"limit": "x"}, 400, 'strconv.Atoi: parsing "x": invalid syntax'),
        ({"limit": "5001"}, 400, "limit > max_entries_limit_per_query (5001 > 5000)"),
        ({"direction": "up"}, 400, "invalid direction 'up'"),
        ({"start": "yesterday"}, 400, "could not parse 'start' parameter"),
        ({"start": "2", "end": "1"}, 400, "end timestamp must not be before or equal to start time"),
        ({"step": "0"}, 400, "zero or negative query resolution step widths are not accepted"),
        ({"step": "0.1"}, 400, "exceeded maximum resolution of 11,000 points per time series"),
        ({"step": "x"}, 400, "could not parse 'step' parameter"),
        ({"interval": "-1s"}, 400, "interval must be >= 0"),
    ],
    ids=[
        "nothing", "open", "empty regexp", "brace", "no quotes", "filter", "regexp", "more", "parser", "metric",
        "limit", "limit text", "limit large", "direction", "start", "order", "step", "steps", "step text", "interval",
    ],
)  # fmt: skip
def test_errors_are_lokis_text(get: Get, params: dict[str, str], status: int, words: str) -> None:
    answer = get("query_range", **{"query": '{app="shop"}', **params})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert words in answer.text


@pytest.mark.parametrize(("token", "status"), [("wrong", 401), ("ingest", 403)], ids=["unknown", "without the scope"])
def test_readers_need_the_scope(get: Get, token: str, status: int) -> None:
    assert get("labels", headers={"Authorization": f"Bearer {token}"}).status_code == status


@pytest.mark.parametrize(
    ("params", "back"),
    [
        ({"start": str(NOW - 2 * SECOND)}, 2),
        ({"start": f"{NOW // SECOND - 2}"}, 2),
        ({"start": f"{NOW // SECOND - 3}.5"}, 2),
        ({"start": None, "since": "3s", "end": str(NOW + 1)}, 2),
        ({"start": None, "since": "1h", "end": str(NOW + 1)}, 19),
    ],
    ids=["ns", "s", "float", "since", "since hour"],
)
def test_times_are_read_in_every_form(get: Get, params: dict[str, str], back: int) -> None:
    result = get("query_range", query='{app="shop"}', limit=100, **params).json()["data"]["result"]
    assert min(int(value[0]) for stream in result for value in stream["values"]) == NOW - back * SECOND


def test_health_check_of_grafana(get: Get) -> None:
    data = get("query", query="vector(1)+vector(1)", time=str(NOW)).json()["data"]
    assert (data["resultType"], data["result"]) == ("vector", [{"metric": {}, "value": [NOW / SECOND, "2"]}])
    answer = get("query", query='{app="shop"}')
    assert answer.status_code == 400
    assert "log queries are not supported as an instant query type" in answer.text


def test_stats_count_what_a_selector_means(get: Get) -> None:
    stats = get("index/stats", query='{app=~"shop|cart"}').json()
    assert (stats["streams"], stats["entries"]) == (2, 30)
    assert stats["chunks"] >= 2
    assert stats["bytes"] == sum(len(f'level=info msg="order {n}" took={n}ms status=200') for n in range(20)) + 490


@pytest.mark.parametrize(
    ("params", "metrics"),
    [
        (
            {"query": '{service_name=~".+"}'},
            [{"service_name": "shop"}, {"service_name": "cart"}, {"service_name": "pay"}],
        ),
        ({"query": '{app=~".+"}', "targetLabels": "env"}, [{"env": "prod"}, {"env": "dev"}]),
        ({"query": '{app=~".+"}', "aggregateBy": "labels"}, [{"app": ""}]),
        ({"query": "{}", "limit": "1"}, [SHOP]),
    ],
    ids=["services", "target", "labels", "limit"],
)
def test_volumes_by_labels(get: Get, params: dict[str, str], metrics: list[dict[str, str]]) -> None:
    data = get("index/volume", **params).json()["data"]
    assert data["resultType"] == "vector"
    assert [row["metric"] for row in data["result"]] == metrics
    assert all(int(row["value"][1]) > 0 for row in data["result"])


def test_volumes_step_by_step_add_up(get: Get) -> None:
    params: dict[str, Any] = {"query": '{app="shop"}', "start": str(NOW - 20 * SECOND), "end": str(NOW + 1)}
    (total,) = get("index/volume", **params).json()["data"]["result"]
    data = get("index/volume_range", step="5s", **params).json()["data"]
    (row,) = data["result"]
    assert (data["resultType"], row["metric"], len(row["values"])) == ("matrix", {"app": "shop"}, 5)
    assert sum(int(value) for _, value in row["values"]) == int(total["value"][1])
    assert get("index/volume", query='{app="x"}', aggregateBy="x").status_code == 400


def test_fields_are_detected_in_lines_and_metadata(get: Get) -> None:
    found = {row["label"]: row for row in get("detected_fields", query='{app=~"shop|cart"}').json()["fields"]}
    assert found["took"] == {"label": "took", "type": "duration", "cardinality": 20, "parsers": ["logfmt"]}
    assert (found["status"]["type"], found["msg"]["parsers"]) == ("int", ["json", "logfmt"])
    assert (found["user"]["parsers"], found["user"]["cardinality"]) == (None, 20)
    assert (found["nested_n"]["type"], found["nested_n"]["parsers"]) == ("float", ["json"])
    values = get("detected_field/level/values", query='{app=~"shop|cart"}').json()
    assert values == {"values": ["error", "info"], "limit": 1000}
    assert get("detected_fields", query='{app="x"}', limit="2").json() == {"fields": [], "limit": 2}


def test_labels_are_detected_with_their_numbers_of_values(get: Get) -> None:
    rows = {row["label"]: row["cardinality"] for row in get("detected_labels").json()["detectedLabels"]}
    assert rows == {"app": 2, "env": 2, "k8s_pod_name": 1, "pod": 1, "service_name": 3}


def test_server_says_what_it_is(get: Get, services: ApiServices) -> None:
    assert get("status/buildinfo").json()["version"] == "3.5.0"
    assert get("drilldown-limits").json()["limits"]["volume_enabled"] is True
    answer = call(services, "GET", "/loki/ready")
    assert (answer.status_code, answer.text) == (200, "ready\n")


def test_series_needs_a_selector(get: Get) -> None:
    answer = get("series")
    assert (answer.status_code, answer.text) == (400, "0 matcher groups supplied\n")


def test_patterns_are_those_that_were_mined(get: Get) -> None:
    asyncio.run(mine_patterns(engine(), 0.0))
    rows = get("patterns", query='{app="shop"}', step="1m").json()["data"]
    assert [sum(count for _, count in row["samples"]) for row in rows] == [20]
    assert rows[0]["pattern"].startswith("level=info msg=")
    assert rows[0]["samples"][0][0] % 60 == 0
    assert get("patterns", query='{app="nobody"}').json() == {"status": "success", "data": []}


def test_metrics_at_every_step_and_at_once(get: Get) -> None:
    query = 'sum by (app) (count_over_time({app=~"shop|cart"}[1m]))'
    data = get("query", query=query, time=str(NOW + SECOND // 2)).json()["data"]
    assert data["resultType"] == "vector"
    assert {row["metric"]["app"]: row["value"][1] for row in data["result"]} == {"shop": "20", "cart": "10"}
    start = str(NOW - 60 * SECOND)
    data = get("query_range", query=query, start=start, end=str(NOW), step="60s").json()["data"]
    assert data["resultType"] == "matrix"
    shop = next(row for row in data["result"] if row["metric"]["app"] == "shop")
    times = [at for at, _ in shop["values"]]
    assert all(at % 60 == 0 for at in times), "steps are multiples of the step"
    assert sum(int(count) for _, count in shop["values"]) == 20, "the last one is after the end"


def test_parsed_labels_have_a_category_of_their_own(get: Get) -> None:
    headers = {"X-Loki-Response-Encoding-Flags": "categorize-labels"}
    query = '{app="shop"} | logfmt | took="3ms" | drop pod'
    (stream,) = get("query_range", headers=headers, query=query).json()["data"]["result"]
    assert "pod" not in stream["stream"]
    assert stream["values"][0][2]["parsed"].items() >= {"msg": "order 3", "status": "200"}.items()


def test_query_is_laid_out(get: Get) -> None:
    answer = get("format_query", query='{app="shop"}|="x"|json').json()
    assert answer["status"] == "success"
    assert "| json" in answer["data"]
