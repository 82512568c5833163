"""How the costs of metrics grow with the series: 15 s of samples in 15 s, label queries in 200 ms, memory below 4 GB.

From 1 000 series on, each time ten times as many in a server of its own, up to 100 000; with `--items 1000000` up to
a million.
"""

import struct
import tempfile
import time
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from benchmarks.client import Client
from benchmarks.data.samples import sweeps
from benchmarks.options import Options, main
from benchmarks.report import Result, Row, progress
from benchmarks.sender import finish_sending, start_sending
from benchmarks.server import Server

SIZES = (1_000, 10_000, 100_000, 1_000_000)
LARGEST, LARGEST_QUICK = 100_000, 10_000
STEPS, STEP_S, CONNECTIONS, TIMES = 5, 15, 4, 5
MAX_MEMORY_MIB, MAX_LABELS_MS = 4096, 200
API = "/prometheus/api/v1"
ONE_JOB = 'process_cpu_seconds_total{job="orders"}'
LABEL_QUERIES: tuple[tuple[str, str, dict[str, str | int]], ...] = (
    ("names of labels", "labels", {}),
    ("values of a label", "label/pod/values", {}),
    ("values of a label, by matcher", "label/pod/values", {"match[]": ONE_JOB}),
    ("a hundred series, by matcher", "series", {"match[]": ONE_JOB, "limit": 100}),
)
QUERIES = (
    ("one series", 'process_cpu_seconds_total{uid="2"}'),
    ("a sum of an eighth", "sum by (job) (http_requests_total)"),
    ("a rate of an eighth", "sum by (job) (rate(http_requests_total[5m]))"),
    ("a count of all", 'count by (__name__) ({namespace="shop-prod"})'),
)


def run(options: Options) -> Result:
    """Measure the claim."""
    largest = options.items or (LARGEST_QUICK if options.quick else LARGEST)
    rows = [row for size in takewhile(lambda size: size <= largest, SIZES) for row in _measure(size)]
    description = f"{STEPS} steps of series with 10 to 11 labels, by remote write over {CONNECTIONS} connections"
    return Result("metrics_growth", description, rows, options.quick, ("Queries are instants over HTTP.",))


def _measure(series: int) -> Iterator[Row]:
    progress(f"  {series:,} series", end=True)
    name, end_s = f"{series:,} series", int(time.time())
    bodies = list(sweeps(series, STEPS, end_s * 10**9, seed=1))
    each = len(bodies) // STEPS
    with Server() as server:
        cpu_s, wall_s = _send(server, bodies[:each])
        yield Row(f"{name}: first step, all of them new", wall_s, "s")
        yield Row("its CPU", cpu_s, "s")
        cpu_s, wall_s = _send(server, bodies[each:])
        yield Row(f"{name}: a later step", wall_s / (STEPS - 1), "s", STEP_S)
        yield Row("its CPU", cpu_s / (STEPS - 1), "s")
        yield Row("most memory until then", server.memory().peak, "MiB", MAX_MEMORY_MIB)
        client = Client(server.http_port)
        for text, path, params in LABEL_QUERIES:
            yield Row(f"{name}: {text}", _least(client, path, **params), "ms", MAX_LABELS_MS)
        for text, query in QUERIES:
            yield Row(f"{name}: {text}", _least(client, "query", query=query, time=end_s), "ms")
        yield Row("most memory", server.memory().peak, "MiB", MAX_MEMORY_MIB)


def _send(server: Server, bodies: list[bytes]) -> tuple[float, float]:
    """CPU-seconds of the server and seconds until all is in the engine."""
    before, started = server.cpu_s(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "samples.bin"
        file.write_bytes(b"".join(struct.pack("<I", len(body)) + body for body in bodies))
        finish_sending(start_sending(str(file), server.http_port, "remote_write", CONNECTIONS))
    while server.pending_bytes():
        time.sleep(0.05)
    return server.cpu_s() - before, time.monotonic() - started


def _least(client: Client, path: str, **params: str | int) -> float:
    """The least of some runs, in ms: other work on the machine only adds."""
    walls = []
    for _ in range(TIMES):
        started = time.perf_counter()
        answer = client.get(f"{API}/{path}", **params)["data"]
        walls.append((time.perf_counter() - started) * 1000)
        if not (answer if isinstance(answer, list) else answer["result"]):
            raise RuntimeError(f"nothing was found by {path} {params}")
    return min(walls)


if __name__ == "__main__":
    main(run, __doc__)
