"""A running Traceo scrapes itself and a real Prometheus, and takes what that has by federation."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.clickhouse import free_ports
from tests.e2e.prometheus import RunningPrometheus, needs_prometheus, running_prometheus
from tests.e2e.server import RunningServer, read_tables, running_server

DEADLINE_S = 60.0
TENANT = "scraped"
TABLES = {
    "series": f"""
        SELECT metric, labels, series_id AS id FROM label_sets WHERE tenant = '{TENANT}' GROUP BY metric, labels, id""",
    "samples": f"""
        SELECT series_id AS id, count() AS n, argMax(value, time) AS last,
            countIf(reinterpretAsUInt64(fractional) = 0x7FF0000000000002) AS stale
        FROM samples WHERE tenant = '{TENANT}' GROUP BY id""",
}  # fmt: skip


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def write_config(path: Path, jobs: dict[str, str]) -> None:
    text = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n"
    path.write_text(text + "".join(f"- {{job_name: {name}, {fields}}}\n" for name, fields in jobs.items()))


def static(port: int) -> str:
    return f"static_configs: [{{targets: ['127.0.0.1:{port}']}}]"


def rows_of(tables: dict[str, list[dict[str, Any]]]) -> list[tuple[str, dict[str, str], dict[str, Any]]]:
    """Metric, labels, and the series' samples."""
    samples = {row["id"]: row for row in tables["samples"]}

    def text(value: Any) -> str:
        return value.decode() if isinstance(value, bytes) else str(value)

    return [
        (text(row["metric"]), {text(k): text(v) for k, v in row["labels"].items()}, samples.get(row["id"], {}))
        for row in tables["series"]
    ]


@needs_prometheus
def test_prometheus_is_scraped_and_federated(tmp_path: Path) -> None:
    (own_port,) = free_ports(1)
    itself = {"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{own_port}"]}]}
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [itself]}
    federate = "honor_labels: true, metrics_path: /federate, params: {'match[]': ['{job=\"prometheus\"}']}"
    jobs = {"direct": static(own_port), "federate": f"{federate}, {static(own_port)}"}
    write_config(tmp_path / "scrape.yml", jobs)
    settings = {"scrape__config_file": tmp_path / "scrape.yml", "scrape__tenant": TENANT}
    with (
        running_prometheus(tmp_path / "prometheus", config, own_port) as prometheus,
        running_server(tmp_path / "traceo", **settings) as server,
    ):
        until(lambda: _has_scraped_itself(prometheus), "prometheus has no samples")
        metrics = {row["metric"]["__name__"] for row in prometheus.query('{job="prometheus"}')}
        write_config(tmp_path / "scrape.yml", {**jobs, "own": static(server.http_port)})
        until(lambda: server.count("samples", TENANT) > 5000, "nothing was scraped")
        url = f"http://127.0.0.1:{server.http_port}/prometheus/api/v1/targets?state=active"
        targets = httpx.get(url, headers={"X-Scope-OrgID": TENANT}).json()["data"]["activeTargets"]
        assert {(one["scrapePool"], one["health"]) for one in targets} >= {("direct", "up"), ("federate", "up")}
        prometheus.stop()
        until(lambda: _stale(server) > 400, "series do not become stale")
        server.terminate()
    rows = rows_of(read_tables(tmp_path / "traceo", TABLES))
    direct = {metric for metric, labels, _ in rows if labels["job"] == "direct"}
    federated = {metric for metric, labels, _ in rows if labels["job"] == "prometheus"}
    assert {name for name in metrics if name.startswith(("prometheus_", "go_"))} <= direct
    assert metrics - federated == set()
    (own,) = [(labels, found) for metric, labels, found in rows if metric == "traceo_store_free_disk_bytes"]
    assert own[0] == {"instance": f"127.0.0.1:{server.http_port}", "job": "own"}
    assert own[1]["last"] > 0
    (up,) = [found for metric, labels, found in rows if metric == "up" and labels["job"] == "direct"]
    assert up["last"] == 0 and up["n"] > 1
    assert all(
        found["stale"] for metric, labels, found in rows if labels["job"] == "direct" and metric.startswith("go_")
    )


def _has_scraped_itself(prometheus: RunningPrometheus) -> bool:
    return bool(prometheus.query('up{job="prometheus"} == 1'))


def _stale(server: RunningServer) -> int:
    number: int = server.sql("SELECT countIf(isNaN(value)) AS n FROM samples", TENANT)[0]["n"]
    return number
