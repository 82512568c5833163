"""Remote write and PromQL beside Debian's Prometheus and VictoriaMetrics, in one run on the same data, over HTTP.

All three take the same file, and answer the same queries: wall time (the least of some runs) and CPU-seconds of each
server; with `nocache=1`, which VictoriaMetrics and Traceo know, and as dashboards ask: again, each time a step later.
The longest range is that of the data: `--items 28800000` makes it six hours.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.client import Client
from benchmarks.data import SERVICES
from benchmarks.generate import Load, make_load
from benchmarks.options import Options, main
from benchmarks.peers import PEERS, PeerServer
from benchmarks.report import Result, Row, progress
from benchmarks.sender import finish_sending, start_sending
from benchmarks.server import Server

ITEMS, ITEMS_QUICK = 9_600_000, 800_000
CONNECTIONS, TIMES = 4, 5
SETTLE_S, SETTLE_QUICK_S = 20.0, 3.0
OLD_S = 125.0  # Traceo keeps nothing about the past for so long after old data came
STEP_S, BEFORE_S = 15, 600  # the first minutes have no rate yet
RATES = "sum by (job) (rate(http_requests_total[5m]))"


@dataclass(frozen=True, slots=True)
class Ask:
    """A query: the steps it has, over the last `range_s` seconds of the data (0: all; -1: an instant)."""

    name: str
    texts: tuple[str, ...]
    step_s: int = STEP_S
    range_s: int = 0


METRICS = (
    "http_requests_total", "process_cpu_seconds_total", "container_network_receive_bytes_total",
    "grpc_server_handled_total",
)  # fmt: skip
DASHBOARD = (
    *(f"sum by ({label}) (rate({metric}[5m]))" for metric in METRICS for label in ("job", "namespace")),
    *(f'rate({metric}{{job="{SERVICES[0]}", code="200"}}[5m])' for metric in METRICS),
    *(f"avg by (job) ({metric})" for metric in ("go_memstats_alloc_bytes", "container_memory_working_set_bytes")),
    *(f"topk(3, sum by (pod) (rate({metric}[5m])))" for metric in METRICS[:2]),
    f'max_over_time(go_memstats_alloc_bytes{{job="{SERVICES[1]}"}}[10m])',
    f'histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket{{job="{SERVICES[0]}"}}[5m])))',
    'sum(rate(http_requests_total{code="500"}[5m])) / sum(rate(http_requests_total[5m]))',
    "count(process_cpu_seconds_total)",
)
ASKS = (
    Ask("one series", ('process_cpu_seconds_total{uid="2"}',)),
    Ask("sum by rate", (RATES,)),
    Ask("quantile", ("histogram_quantile(0.99, sum by (le, job) (rate(http_request_duration_seconds_bucket[5m])))",)),
    Ask("topk", ("topk(5, sum by (pod) (container_memory_working_set_bytes))",), 60),
    Ask("count by name", ('count by (__name__) ({namespace="shop-prod"})',), 60),
    Ask("sum by rate, step 60 s", (RATES,), 60),
    Ask("sum by rate, 1 h", (RATES,), 60, 3600),
    Ask("sum by rate, instant", (RATES,), 60, -1),
    Ask("dashboard of 20 panels", DASHBOARD, 60, 3600),
)
REFRESHED = tuple(ask for ask in ASKS if ask.range_s >= 0)


@dataclass(frozen=True, slots=True)
class Measured:
    """One product: CPU-seconds per million samples until the last answer and settled, bytes a sample; by query, ms."""

    name: str
    accept: float
    settled: float
    bytes_each: float
    wall_ms: tuple[float, ...]
    cpu_ms: tuple[float, ...]


def run(options: Options) -> Result:
    """Measure all that are installed."""
    load = make_load("samples", options.items or (ITEMS_QUICK if options.quick else ITEMS))
    settle_s = SETTLE_QUICK_S if options.quick else SETTLE_S
    found = [_measure_traceo(load, settle_s)]
    missing = [peer for peer in PEERS if not peer.is_installed]
    for peer in PEERS:
        if peer.is_installed:
            with PeerServer(peer) as server:
                found.append(_measure(server, load, settle_s, peer.name, peer.write, peer.api))
    notes = tuple(f"{peer.name} is not here: sudo apt-get install {peer.program}." for peer in missing)
    name = f"metrics_peers{'_long' if load.items > ITEMS else ''}"
    return Result(name, load.description, _rows(found), options.quick, (*notes, "Peers: in the same run."))


def _measure_traceo(load: Load, settle_s: float) -> Measured:
    with Server() as server:
        return _measure(server, load, settle_s, "Traceo", "/prometheus/api/v1/write", "/prometheus/api/v1")


def _measure(server: Server | PeerServer, load: Load, settle_s: float, name: str, write: str, api: str) -> Measured:
    progress(f"{name}: sending {load.items:,} samples", end=True)
    before = server.cpu_s()
    finish_sending(start_sending(load.path, server.http_port, "remote_write", CONNECTIONS, "--path", write))
    accepted, sent = server.cpu_s() - before, time.monotonic()
    if isinstance(server, Server):
        while server.pending_bytes():
            time.sleep(0.1)
    time.sleep(settle_s)
    settled = server.cpu_s() - before
    disk = sum(server.disk().values()) if isinstance(server, Server) else server.disk_bytes()
    times = []
    for again in (False, True):
        client = Client(server.http_port)  # anew: VictoriaMetrics closes what is idle for a minute
        for ask in ASKS if not again else REFRESHED:
            progress(f"{name}: {ask.name}{', again' if again else ''}", end=True)
            times.append(_ask(client, server, api, ask, load, again))
        time.sleep(max(0.0, OLD_S - time.monotonic() + sent))
    millions = load.items / 1e6
    walls, cpus = zip(*times, strict=True)
    return Measured(name, accepted / millions, settled / millions, disk / load.items, walls, cpus)


def _ask(
    client: Client, server: Server | PeerServer, api: str, ask: Ask, load: Load, again: bool
) -> tuple[float, float]:
    """Wall time, the least of some runs, and CPU time, their mean, in ms; of all texts one after the other."""
    walls, cpu = [], server.cpu_s()
    for number in range(TIMES):
        started = time.perf_counter()
        for text in ask.texts:
            answer = _query(client, api, text, ask, load, number - TIMES if again else None)
            if not answer["data"]["result"]:
                raise RuntimeError(f"nothing was found by {text}")
        walls.append((time.perf_counter() - started) * 1000)
    return min(walls), (server.cpu_s() - cpu) / TIMES * 1000


def _query(client: Client, api: str, text: str, ask: Ask, load: Load, refresh: int | None) -> Any:
    """`refresh`: by how many steps the range is moved; None: it is not, and nothing may be remembered."""
    end = load.end_ns // 10**9
    if ask.range_s < 0:
        return client.get(f"{api}/query", query=text, time=end)
    first = load.start_ns // 10**9 + BEFORE_S
    start = max(first, end - ask.range_s) if ask.range_s else first
    moved, nocache = (0, 1) if refresh is None else (refresh * ask.step_s, 0)
    between = {"start": min(start, end) + moved, "end": end + moved, "nocache": nocache}
    return client.get(f"{api}/query_range", query=text, step=ask.step_s, **between)


def _rows(found: Sequence[Measured]) -> list[Row]:
    """Traceo's figures beside those of the others, each with how many times Traceo's it is."""
    others = found[1:]

    def row(measure: str, unit: str, figures: Sequence[float]) -> Row:
        mine, *theirs = figures
        texts = [
            f"{other.name} {figure:.3g} ({figure / mine:.2g} x)" if mine else f"{other.name} {figure:.3g}"
            for other, figure in zip(others, theirs, strict=True)
        ]
        return Row(measure, mine, unit, float(f"{min(theirs):.3g}") if theirs else None, ", ".join(texts))

    rows = [
        row("remote write, accept", "CPU-s/M", [one.accept for one in found]),
        row("remote write, settled", "CPU-s/M", [one.settled for one in found]),
        row("on disk", "B/sample", [one.bytes_each for one in found]),
    ]
    names = [ask.name for ask in ASKS] + [f"{ask.name}, again" for ask in REFRESHED]
    for place, name in enumerate(names):
        rows.append(row(name, "ms", [one.wall_ms[place] for one in found]))
        rows.append(row(f"{name}, CPU", "ms", [one.cpu_ms[place] for one in found]))
    return rows


if __name__ == "__main__":
    main(run, __doc__)
