"""A real Prometheus around a test: Debian's package, or whatever `prometheus` is on the path."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clickhouse import free_ports

PROMETHEUS = shutil.which("prometheus")
needs_prometheus = pytest.mark.skipif(PROMETHEUS is None, reason="needs prometheus: sudo apt-get install prometheus")
TIMEOUT_S, POLL_S = 60.0, 0.1


@dataclass(slots=True)
class RunningPrometheus:
    """A started server."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def query(self, text: str) -> list[dict[str, Any]]:
        """The result of an instant query, which MUST succeed."""
        answer = httpx.get(f"http://127.0.0.1:{self.port}/api/v1/query", params={"query": text}, timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    def stop(self) -> None:
        """SIGTERM: it sends what it has and ends."""
        self.process.terminate()
        assert self.process.wait(TIMEOUT_S) == 0, self.log.read_text()[-3000:]


@contextmanager
def running_prometheus(folder: Path, config: dict[str, Any], port: int | None = None) -> Iterator[RunningPrometheus]:
    """Start it over `folder` and wait until it is ready; at the end it is killed if it still runs."""
    assert PROMETHEUS
    folder.mkdir(parents=True, exist_ok=True)
    port, log = port or free_ports(1)[0], folder / "log"
    (folder / "prometheus.yml").write_text(json.dumps(config))
    with log.open("ab") as output:
        process = subprocess.Popen(
            [
                PROMETHEUS,
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-remote-write-receiver",
            ],
            stdout=output,
            stderr=output,
        )
    server = RunningPrometheus(process, port, log)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(TIMEOUT_S)


def _wait_until_ready(server: RunningPrometheus) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{server.port}/-/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"prometheus does not start:\n{server.log.read_text()[-3000:]}")
        time.sleep(POLL_S)
