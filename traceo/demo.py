"""`traceo demo`: a server, the example shop that feeds it, and the first answer on the terminal.

Two child processes and a table that is asked from the server's own API, as any user would. Ends all three together.
"""

import contextlib
import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
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
from traceo.policies.file import RECOMMENDED

READY_WITHIN_S = 120.0
REFRESH_S = 2.0
PLAIN_REFRESH_S = 10.0
SLOW_MS = 500.0
WINDOW_S = 300.0
DEFAULT_PORT = 4000  # of `traceo query`
SHOP_DASHBOARD = Path(__file__).parent / "dashboards" / "shop.json"
SERVER_LOG, SHOP_LOG = "traceo.log", "shop.log"
COUNTS = """SELECT
    (SELECT count() FROM spans WHERE start_time > now() - {seconds:UInt32}) AS spans,
    (SELECT count() FROM logs WHERE time > now() - {seconds:UInt32}) AS log_records,
    (SELECT count() FROM samples WHERE time > now() - {seconds:UInt32})
        + (SELECT count() FROM histograms WHERE time > now() - {seconds:UInt32}) AS metric_points"""


class Stopped(Exception):
    """SIGTERM, SIGHUP or Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process of the demo, its name for messages and its log in the demo's folder."""

    name: str
    log: str
    process: "subprocess.Popen[bytes]"


def run(config: Config, rate: float) -> None:
    """Run until stopped, on data of its own below `data_dir`; `rate` is the shop's requests per second."""
    if importlib.util.find_spec("shop") is None:
        raise TraceoError(
            "the example shop is not installed: run `make demo` in a checkout, or pip install examples/shop"
        )
    console = Console()
    for number in (signal.SIGTERM, signal.SIGHUP):  # the latter: the terminal was closed
        signal.signal(number, _stop)
    folder = config.data_dir / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    base = f"http://{config.server.host}:{config.server.http_port}"
    otlp = f"http://{config.server.host}:{config.server.otlp_http_port}"
    with contextlib.suppress(Stopped, KeyboardInterrupt), contextlib.ExitStack() as stack:
        console.print("[bold]Traceo[/] starts ...")
        server = Child(
            "server", SERVER_LOG, stack.enter_context(_process(_serve_command(config, folder), folder / SERVER_LOG))
        )
        _wait_until_ready(base, server, folder)
        save_dashboard(base)
        console.print("The [bold]shop[/] starts: 7 services, PostgreSQL and a load generator ...")
        shop = Child(
            "shop", SHOP_LOG, stack.enter_context(_process(_shop_command(otlp, folder, rate), folder / SHOP_LOG))
        )
        console.print(_where_to_look(config, base, folder))
        _show_services(console, base, partial(_check_alive, (server, shop), folder))
    console.print("stopped")


def _serve_command(config: Config, folder: Path) -> list[str]:
    server = config.server
    values = {
        "--http-port": server.http_port,
        "--otlp-http-port": server.otlp_http_port,
        "--otlp-grpc-port": server.otlp_grpc_port,
        "--sampling-policies": config.sampling.policy_file or RECOMMENDED,
    }
    flags = [text for flag, value in values.items() for text in (flag, str(value))]
    return [sys.executable, "-m", "traceo", "serve", "--data-dir", str(folder), "--host", server.host, *flags]


def _shop_command(otlp: str, folder: Path, rate: float) -> list[str]:
    return [
        *(sys.executable, "-m", "shop", "run", "--data-dir", str(folder / "shop")),
        *("--otlp", otlp, "--rate", str(rate)),
    ]


def _show_services(console: Console, base: str, check: Callable[[], None]) -> None:
    """The table, in place on a terminal and line by line elsewhere. `check` raises when there is nothing to see."""
    started = time.time()
    with httpx.Client(base_url=base, timeout=10) as client:
        if not console.is_terminal:
            while True:
                time.sleep(PLAIN_REFRESH_S)
                check()
                console.print(services_table(_ask_services(client, started), _count_items(client)))
        with Live(console=console, auto_refresh=False, transient=False) as live:
            while True:
                check()
                live.update(services_table(_ask_services(client, started), _count_items(client)), refresh=True)
                time.sleep(REFRESH_S)


def _ask_services(client: httpx.Client, started: float) -> list[dict[str, Any]]:
    try:
        answer = client.get("/api/v1/services", params={"start": max(started, time.time() - WINDOW_S)})
        answer.raise_for_status()
    except httpx.HTTPError:
        return []
    services: list[dict[str, Any]] = answer.json()["services"]
    return services


def _count_items(client: httpx.Client) -> dict[str, int]:
    """What arrived of each signal within the window; empty when it cannot be known just now."""
    try:
        answer = client.post("/api/v1/sql", json={"query": COUNTS, "params": {"seconds": round(WINDOW_S)}})
        answer.raise_for_status()
    except httpx.HTTPError:
        return {}
    result = answer.json()
    return {column["name"]: count for column, count in zip(result["columns"], result["rows"][0], strict=True)}


def services_table(services: list[dict[str, Any]], counts: Mapping[str, int]) -> Group:
    """Rate, errors and duration of each service, and below it how many items of each signal came."""
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
    came = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
    return Group(table, Text(f"in the same time: {came}" if came else "", style="dim"))


def _where_to_look(config: Config, base: str, folder: Path) -> str:
    command = str(Path(sys.executable).with_name("traceo"))
    if config.server.http_port != DEFAULT_PORT:
        command = f"TRACEO_URL={base} {command}"
    return f"""
  look at it       {base}/
  its dashboard    {base}/dashboards/shop
  API              {base}/api/v1
  OpenAPI          {base}/api/v1/openapi.json
  send OTLP to     http://{config.server.host}:{config.server.otlp_http_port} (HTTP), \
{config.server.host}:{config.server.otlp_grpc_port} (gRPC)
  slow traces      {command} query traces --min-duration 200ms
  errors in logs   {command} query logs --min-severity error
  kept of traces   {command} sampling ledger
  break something  {sys.executable} -m shop fault start payment latency ms=800
  logs of the demo {folder}
  stop             Ctrl-C
"""


def _wait_until_ready(base: str, server: Child, folder: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        _check_alive((server,), folder)
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{base}/readyz", timeout=2).status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    raise TraceoError(f"the server was not ready within {READY_WITHIN_S:.0f} s; see {folder / SERVER_LOG}")


def save_dashboard(base: str) -> None:
    """The shop's, unless there is one already; where the API wants a token, there is none."""
    body = {"id": "shop", "dashboard": json.loads(SHOP_DASHBOARD.read_text(encoding="utf-8"))}
    with contextlib.suppress(httpx.HTTPError):
        httpx.post(f"{base}/api/v1/dashboards", json=body, timeout=10)


def _check_alive(children: Iterable[Child], folder: Path) -> None:
    """Raises TraceoError with the last line that a child wrote before its end."""
    for child in children:
        if child.process.poll() is None:
            continue
        log = folder / child.log
        said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()] or ["it said nothing"]
        reason = said[-1].removeprefix("traceo: ").removeprefix("shop: ")
        raise TraceoError(f"the {child.name} ended: {reason} (its log: {log})")


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
