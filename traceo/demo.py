"""`traceo demo`: a server, the example shop that feeds it, and the first answer on the terminal.

Two child processes and a table that is asked from the server's own API, as any user would. Ends all three together.
"""

import contextlib
import importlib.util
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from traceo.config import Config
from traceo.errors import TraceoError

READY_WITHIN_S = 30.0
REFRESH_S = 2.0
PLAIN_REFRESH_S = 10.0
SLOW_MS = 500.0
WINDOW_S = 300.0


class Stopped(Exception):
    """SIGTERM or Ctrl-C."""


def run(config: Config, rate: float) -> None:
    """Run until stopped, on data of its own below `data_dir`; `rate` is the shop's requests per second."""
    if importlib.util.find_spec("shop") is None:
        raise TraceoError(
            "the example shop is not installed: run `make demo` in a checkout, or pip install examples/shop"
        )
    console = Console()
    signal.signal(signal.SIGTERM, _stop)
    folder = config.data_dir / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    base = f"http://{config.server.host}:{config.server.http_port}"
    otlp = f"http://{config.server.host}:{config.server.otlp_http_port}"
    with contextlib.suppress(Stopped, KeyboardInterrupt), contextlib.ExitStack() as stack:
        console.print("[bold]Traceo[/] starts ...")
        server = stack.enter_context(_process(_serve_command(config, folder), folder / "traceo.log"))
        _wait_until_ready(base, server, folder / "traceo.log")
        console.print("The [bold]shop[/] starts: 7 services, PostgreSQL and a load generator ...")
        shop = [
            sys.executable,
            "-m",
            "shop",
            "run",
            "--data-dir",
            str(folder / "shop"),
            "--otlp",
            otlp,
            "--rate",
            str(rate),
        ]
        stack.enter_context(_process(shop, folder / "shop.log"))
        console.print(_where_to_look(config, base, folder))
        _show_services(console, base)
    console.print("stopped")


def _serve_command(config: Config, folder: Path) -> list[str]:
    server = config.server
    ports = {
        "--http-port": server.http_port,
        "--otlp-http-port": server.otlp_http_port,
        "--otlp-grpc-port": server.otlp_grpc_port,
    }
    flags = [text for flag, port in ports.items() for text in (flag, str(port))]
    return [sys.executable, "-m", "traceo", "serve", "--data-dir", str(folder), "--host", server.host, *flags]


def _show_services(console: Console, base: str) -> None:
    """The table, in place on a terminal and line by line elsewhere."""
    started = time.time()
    with httpx.Client(base_url=base, timeout=10) as client:
        if not console.is_terminal:
            while True:
                time.sleep(PLAIN_REFRESH_S)
                console.print(services_table(_ask_services(client, started)))
        with Live(console=console, auto_refresh=False, transient=False) as live:
            while True:
                live.update(services_table(_ask_services(client, started)), refresh=True)
                time.sleep(REFRESH_S)


def _ask_services(client: httpx.Client, started: float) -> list[dict[str, Any]]:
    try:
        answer = client.get("/api/v1/services", params={"start": max(started, time.time() - WINDOW_S)})
        answer.raise_for_status()
    except httpx.HTTPError:
        return []
    services: list[dict[str, Any]] = answer.json()["services"]
    return services


def services_table(services: list[dict[str, Any]]) -> Group | Table:
    """Rate, errors and duration of each service."""
    table = Table(title="Services, last 5 minutes  (GET /api/v1/services)", title_justify="left", title_style="bold")
    table.add_column("service", min_width=14)
    for name in ("requests/s", "errors", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(name, justify="right")
    for row in services:
        errors = Text(f"{row['error_ratio']:.1%}", style="red" if row["error_ratio"] > 0.02 else "")
        slow = "yellow" if row["p99_ms"] > SLOW_MS else ""
        figures = [f"{row[name]:,.1f}" for name in ("p50_ms", "p95_ms")]
        table.add_row(
            row["service"], f"{row['rate_per_s']:.2f}", errors, *figures, Text(f"{row['p99_ms']:,.1f}", style=slow)
        )
    if not services:
        return Group(table, Text("waiting for the first spans ...", style="dim"))
    return table


def _where_to_look(config: Config, base: str, folder: Path) -> str:
    return f"""
  API              {base}/api/v1
  OpenAPI          {base}/api/v1/openapi.json
  send OTLP to     http://{config.server.host}:{config.server.otlp_http_port} (HTTP), \
{config.server.host}:{config.server.otlp_grpc_port} (gRPC)
  slow traces      .venv/bin/traceo query traces --min-duration 200ms
  errors in logs   .venv/bin/traceo query logs --severity error
  break something  .venv/bin/python -m shop fault start payment latency ms=800
  logs of the demo {folder}
  stop             Ctrl-C
"""


def _wait_until_ready(base: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise TraceoError(f"the server ended at its start; see {log}:\n{log.read_text()[-2000:]}")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{base}/readyz", timeout=2).status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    raise TraceoError(f"the server was not ready within {READY_WITHIN_S:.0f} s; see {log}")


@contextlib.contextmanager
def _process(command: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A child process whose output goes to a file, ended with the block."""
    with log.open("wb") as output:
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)  # noqa: S603
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            child.kill()


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped
