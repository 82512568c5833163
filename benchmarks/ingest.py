"""What taking in a load costs the server: CPU until the last answer and settled, disk, memory."""

import time
from dataclasses import dataclass

from benchmarks.client import Client
from benchmarks.disk import merging
from benchmarks.generate import Load, make_load
from benchmarks.options import Options
from benchmarks.report import Result, Row, progress
from benchmarks.sender import Sent, finish_sending, start_sending
from benchmarks.server import Memory, Server

SETTLE_S, SETTLE_QUICK_S = 60.0, 20.0
IDLE_CPU = 0.05  # cores: below this, and without a merge under way, nothing more will be done
CONNECTIONS = 64
OTHER_CONNECTIONS = (8, 16)
SIGNALS = {"spans": "traces", "logs": "logs", "loki": "loki", "metrics": "metrics", "samples": "remote_write"}
VIEWS = {"spans": "spans", "logs": "logs", "loki": "logs", "metrics": "samples", "samples": "samples"}
UNITS = {"spans": "span", "logs": "line", "loki": "line", "metrics": "point", "samples": "sample"}


@dataclass(frozen=True, slots=True)
class Claim:
    """What is measured, and what it is measured against. Figures of CPU are seconds per million items."""

    name: str
    kind: str
    items: int
    accept: float | None
    settled: float
    bytes_each: float
    peers_accept: str
    peers_settled: str
    peers_bytes: str
    peers_memory: str
    grpc: bool = False
    connections: int = CONNECTIONS


@dataclass(frozen=True, slots=True)
class Taken:
    """What one load did to a fresh server: CPU until the last answer, until all was in the engine, and settled."""

    load: Load
    sent: Sent
    accept_s: float
    stored_s: float
    stored_after_s: float
    settled_s: float
    settle_wait_s: float
    disk: dict[str, int]
    memory: Memory


def measure(claim: Claim, options: Options) -> Result:
    """The claim's load over its connections, and half a million items (at most) over fewer."""
    load = make_load(claim.kind, options.items or (min(claim.items, 1_000_000) if options.quick else claim.items))
    less = make_load(claim.kind, min(load.items, 200_000 if options.quick else 500_000))
    taken = take_in(claim, load, claim.connections, _settle_s(options))
    rows = _rows(claim, taken)
    for connections in OTHER_CONNECTIONS:
        other = take_in(claim, less, connections, 0)
        rows.append(Row(f"stored, {connections} connections", _per_million(other.stored_s, less), "CPU-s/M"))
        rows.append(Row(f"throughput, {connections} connections", less.items / other.stored_after_s / 1000, "k/s"))
    notes = (
        "Accept: until the last answer, which the journal gives; stored, and throughput: until all is in the engine.",
        f"Settled: {taken.settle_wait_s:.0f} s after the last answer; unnamed connections: {claim.connections}.",
        f"Active parts, MB: {_disk_by_table(taken)}.",
        f"The sender took {taken.sent.cpu_s:.1f} CPU-s of its own; {taken.sent.retries} refusals were repeated.",
    )
    return Result(claim.name, load.description, rows, options.quick, notes)


def take_in(claim: Claim, load: Load, connections: int, settle_s: float) -> Taken:
    """Send a load to a fresh server; wait `settle_s` (0: not at all) for its background work."""
    with Server() as server:
        empty, before = server.disk(), server.cpu_s()
        port = _port(server, claim)
        options = ("--grpc",) if claim.grpc else ()
        progress(f"{claim.name}: sending {load.items:,} {load.kind} over {connections} connections")
        sent = finish_sending(start_sending(load.path, port, SIGNALS[load.kind], connections, *options))
        accept = server.cpu_s() - before
        stored_after = sent.seconds + _until_stored(server)
        stored = server.cpu_s() - before
        waited = settle(server, settle_s)
        settled, memory = server.cpu_s() - before, server.memory()
        if settle_s:
            _check_stored(server, load)
        disk = {table: size - empty.get(table, 0) for table, size in server.disk().items()}
    progress(f"{claim.name}: {load.items:,} in {sent.seconds:.1f} s, {accept:.1f} CPU-s over {connections}", end=True)
    return Taken(load, sent, accept, stored, stored_after, settled, waited, disk, memory)


def _port(server: Server, claim: Claim) -> int:
    if claim.kind in ("samples", "loki"):
        return server.http_port
    return server.otlp_grpc_port if claim.grpc else server.otlp_http_port


def _until_stored(server: Server) -> float:
    """Wait until nothing is left in the buffers; returns how long it took."""
    started = time.monotonic()
    while server.pending_bytes():
        time.sleep(0.1)
    return time.monotonic() - started


def _check_stored(server: Server, load: Load) -> None:
    """Figures count only if everything that was acknowledged is there."""
    ((stored,),) = Client(server.http_port).sql(f"SELECT count() FROM {VIEWS[load.kind]}")
    if stored != load.items:
        raise RuntimeError(f"{load.items} {load.kind} were acknowledged, {stored} are stored")


def settle(server: Server, seconds: float) -> float:
    """Wait; a short wait goes on, up to a minute, while merges run. Returns how long it was."""
    started = last = time.monotonic()
    cpu = server.cpu_s()
    while (waited := time.monotonic() - started) < SETTLE_S and seconds:
        if time.monotonic() - last >= 2:
            used, cpu = server.cpu_s() - cpu, server.cpu_s()
            idle = used / (time.monotonic() - last) < IDLE_CPU and not merging(server.folder / "data" / "store")
            last = time.monotonic()
            if waited >= seconds and idle:
                break
        progress(f"settling: {waited:.0f} s")
        time.sleep(0.5)
    return time.monotonic() - started


def _settle_s(options: Options) -> float:
    return SETTLE_QUICK_S if options.quick else SETTLE_S


def _rows(claim: Claim, taken: Taken) -> list[Row]:
    load, unit = taken.load, UNITS[claim.kind]
    latencies = taken.sent.latencies_s
    return [
        Row("accept", _per_million(taken.accept_s, load), "CPU-s/M", claim.accept, claim.peers_accept),
        Row("stored", _per_million(taken.stored_s, load), "CPU-s/M"),
        Row("settled", _per_million(taken.settled_s, load), "CPU-s/M", claim.settled, claim.peers_settled),
        Row("on disk", sum(taken.disk.values()) / load.items, f"B/{unit}", claim.bytes_each, claim.peers_bytes),
        Row("memory, peak", taken.memory.peak, "MiB", 1000, claim.peers_memory),
        Row("memory, settled", taken.memory.resident, "MiB", 1000),
        Row("memory, settled, anonymous", taken.memory.anonymous, "MiB"),
        Row("throughput", load.items / taken.stored_after_s / 1000, "k/s"),
        Row("answer, p50", latencies[len(latencies) // 2] * 1000, "ms"),
        Row("answer, p95", latencies[int(len(latencies) * 0.95)] * 1000, "ms"),
    ]


def _per_million(seconds: float, load: Load) -> float:
    return seconds / load.items * 1e6


def _disk_by_table(taken: Taken) -> str:
    sizes = sorted(taken.disk.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{table} {size / 1e6:.1f}" for table, size in sizes if size > 10_000)
