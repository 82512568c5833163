"""Programs that ask a Prometheus, asking Traceo: promtool, prometheus-api-client, and what Grafana sends."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_api_client import PrometheusApiClientException, PrometheusConnect

from tests.api.prometheus.client import call
from tests.api.prometheus.conftest import NOW_MS, TENANT
from tests.api.prometheus.serving import serve
from traceo.api.app import ApiServices

AT = NOW_MS // 1000
GRAFANA = yaml.safe_load((Path(__file__).parent / "grafana.yaml").read_text())
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="apt-get install prometheus: no promtool")


@pytest.fixture(scope="module")
def url(services: ApiServices) -> Iterator[str]:
    with serve(services) as url:
        yield f"{url}/prometheus"


def promtool(*words: str) -> str:
    done = subprocess.run(["promtool", "query", *words], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else f"{done.returncode}: {done.stderr}"


@needs_promtool
def test_promtool_asks(url: str) -> None:
    at = f"--time={datetime.fromtimestamp(AT, UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert promtool("instant", at, url, "sum(up)") == f"{{}} => 0 @[{AT}]\n"
    assert promtool("instant", url, "1 + 1").startswith("scalar: 2 @[")
    times = (f"--start={AT - 30}", f"--end={AT}", "--step=15s")
    ranged = promtool("range", *times, url, 'up{instance="a:1"}')
    assert ranged == f'up{{instance="a:1", job="api"}} =>\n30 @[{AT - 30}]\n15 @[{AT - 15}]\n0 @[{AT}]\n'
    series = promtool("series", "--match=up", f"--start={AT - 60}", f"--end={AT}", url)
    assert series == "".join(f'{{__name__="up", instance="{name}", job="api"}}\n' for name in ("a:1", "b:2"))
    assert promtool("labels", url, "instance") == "a:1\nb:2\n"
    assert "parse error: unclosed left bracket" in promtool("instant", url, "up[")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_prometheus_api_client_asks(url: str) -> None:
    client = PrometheusConnect(url, disable_ssl=True)
    assert client.check_prometheus_connection()
    assert client.all_metrics() == ["gone", "http_requests_total", "odd", "up"]
    assert client.get_label_values("instance") == ["a:1", "b:2"]
    assert "job" in client.get_label_names()
    at = {"time": AT}
    (one,) = client.get_current_metric_value("up", {"instance": "a:1"}, params=at)
    assert one["value"] == [AT, "0"]
    (total,) = client.custom_query("count(up)", params=at)
    assert total["value"][1] == "2"
    end = datetime.fromtimestamp(AT, UTC)
    ranged = client.custom_query_range("up", end - timedelta(minutes=1), end, "15s")
    assert [len(series["values"]) for series in ranged] == [5, 5]
    chunks = client.get_metric_range_data("up", start_time=end - timedelta(minutes=2), end_time=end)
    assert {series["metric"]["instance"] for series in chunks} == {"a:1", "b:2"}
    with pytest.raises(PrometheusApiClientException, match="parse error"):
        client.custom_query("up[")


@pytest.mark.parametrize("case", GRAFANA, ids=lambda case: case["name"])
def test_grafana_is_answered(services: ApiServices, case: dict[str, Any]) -> None:
    path = case["path"].replace("NOW", str(AT)).replace("BEFORE", str(AT - 3600))
    form = {
        name: str(value).replace("NOW", str(AT)).replace("BEFORE", str(AT - 3600))
        for name, value in case.get("form", {}).items()
    }
    headers = {"X-Scope-OrgID": TENANT, "User-Agent": "Grafana/12.1.0", "Accept-Encoding": "gzip"}
    response = call(services, case["method"], f"/prometheus{path}", data=form or None, headers=headers)
    assert response.status_code == case.get("status", 200), response.text
    data = response.json()
    for key in case["has"]["at"]:
        data = data[key]
    assert case["has"]["value"] in (data, *(data if isinstance(data, list) else [data]))
