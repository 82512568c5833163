"""A running shop for tests and demos: `with running_shop(directory, endpoint, rate=5) as shop: ...`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from shop.faults import Fault, read_faults
from shop.topology import SERVICES, control_port, port_of

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class RunningShop:
    """Where the shop is, and the switch for its faults."""

    base_port: int
    data_dir: Path
    supervisor_pid: int

    def url(self, service: str) -> str:
        """Return a service's address."""
        return f"http://127.0.0.1:{port_of(service, self.base_port)}"

    def start_fault(self, service: str, kind: str, **parameters: Any) -> Fault:
        """Switch a fault on at the service's own switch."""
        answer = httpx.post(
            f"{self.url(service)}/_faults", json={"kind": kind, **parameters}, timeout=10, trust_env=False
        )
        return Fault(**answer.raise_for_status().json())

    def end_fault(self, fault: Fault) -> None:
        """Switch a fault off, through the supervisor: the service may be the one that is stopped."""
        url = f"http://127.0.0.1:{control_port(self.base_port)}/faults/{fault.id}"
        httpx.delete(url, timeout=10, trust_env=False).raise_for_status()

    def faults(self) -> list[Fault]:
        """Return the ground truth so far."""
        return read_faults(self.data_dir / "faults.jsonl")


@contextmanager
def running_shop(
    data_dir: Path,
    otlp_endpoint: str,
    rate: float = 10.0,
    *,
    time_scale: float = 1.0,
    environment: Mapping[str, str] | None = None,
) -> Iterator[RunningShop]:
    """Start the shop as `shop run` would, on free ports; yield when it is open, stop it at the end."""
    base_port = find_free_ports(len(SERVICES) + 1)
    data_dir.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "shop", "run", "--data-dir", str(data_dir), "--otlp", otlp_endpoint]
    command += ["--rate", str(rate), "--time-scale", str(time_scale), "--base-port", str(base_port)]
    variables = {**os.environ, **(environment or {}), "PYTHONPATH": str(Path(__file__).parents[1])}
    variables["SHOP_SUPERVISOR_PARENT"] = str(os.getpid())
    log = data_dir / "supervisor.log"
    with log.open("w") as output, subprocess.Popen(command, env=variables, stdout=output, stderr=output) as process:
        try:
            _wait_until_open(process, log)
            yield RunningShop(base_port, data_dir, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_open(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while " open at " not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the shop did not open:\n{log.read_text()}")
        time.sleep(0.05)


def find_free_ports(count: int) -> int:
    """Return the first of `count` neighbouring loopback ports that are all free now."""
    for base in range(20000 + os.getpid() % 1000 * 10, 60000, count):
        if all(_is_free(base + offset) for offset in range(count)):
            return base
    raise RuntimeError(f"no {count} neighbouring free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
