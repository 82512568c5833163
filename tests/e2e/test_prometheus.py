"""A real Prometheus writes to Traceo while either is restarted, and another reads it all back."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.clickhouse import free_ports
from tests.e2e.prometheus import RunningPrometheus, needs_prometheus, running_prometheus
from tests.e2e.server import running_server

pytestmark = needs_prometheus

EVERYTHING = '{__name__=~".+"}[1h]'
DEADLINE_S = 60.0
Samples = dict[tuple[tuple[str, str], ...], set[tuple[float, str]]]


def writer(traceo_port: int, own_port: int) -> dict[str, Any]:
    """Scrapes itself each second and sends that on."""
    job = {"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{own_port}"]}]}
    queue = {"batch_send_deadline": "500ms", "min_backoff": "30ms", "max_backoff": "200ms", "max_shards": 4}
    url = f"http://127.0.0.1:{traceo_port}/prometheus/api/v1/write"
    metadata = {"send_interval": "1s"}
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [job],
        "remote_write": [{"url": url, "queue_config": queue, "metadata_config": metadata, "send_exemplars": True}],
    }


def reader(traceo_port: int) -> dict[str, Any]:
    url = f"http://127.0.0.1:{traceo_port}/prometheus/api/v1/read"
    return {"remote_read": [{"url": url, "read_recent": True}]}


def samples(server: RunningPrometheus) -> Samples:
    return {
        tuple(sorted(series["metric"].items())): {(time, value) for time, value in series["values"]}
        for series in server.query(EVERYTHING)
    }


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def has_scraped(server: RunningPrometheus, times: int) -> Callable[[], bool]:
    """Since its last start, as itself says."""
    text = 'prometheus_tsdb_head_samples_appended_total{job="prometheus"}'
    return lambda: len(next(iter(server.query(f"{text}[1h]")), {"values": []})["values"]) >= times


def missing(sent: Samples, stored: Samples) -> int:
    return sum(len(found - stored.get(labels, set())) for labels, found in sent.items())


def test_no_sample_is_lost_while_either_side_restarts(tmp_path: Path) -> None:
    http_port, own_port = free_ports(2)
    fixed, config = {"server__http_port": http_port}, writer(http_port, own_port)

    def all_arrives(prometheus: RunningPrometheus) -> None:
        sent = samples(prometheus)
        assert len(sent) > 300
        until(lambda: missing(sent, samples(other)) == 0, "samples are missing")

    with (
        running_prometheus(tmp_path / "reader", reader(http_port)) as other,
        running_server(tmp_path / "traceo", **fixed) as traceo,
        running_prometheus(tmp_path / "writer", config, own_port) as prometheus,
    ):
        until(has_scraped(prometheus, 8), "nothing was scraped")  # it looks back at its log for some seconds
        traceo.kill()
        until(has_scraped(prometheus, 10), "nothing was scraped while Traceo was away")
        with running_server(tmp_path / "traceo", **fixed) as restarted:
            all_arrives(prometheus)
            prometheus.stop()
            with running_prometheus(tmp_path / "writer", config, own_port) as again:
                until(has_scraped(again, 8), "nothing was scraped after the restart")
                restarted.terminate()
                with running_server(tmp_path / "traceo", **fixed):
                    all_arrives(again)
