"""Under ten minutes of full load of all three signals, the server stays below 1 GB and does not grow."""

import subprocess
import time

from benchmarks.generate import make_load
from benchmarks.ingest import SIGNALS
from benchmarks.options import Options, main
from benchmarks.report import Result, Row, progress
from benchmarks.sender import finish_sending, start_sending
from benchmarks.server import Memory, Server

MINUTES, MINUTES_QUICK = 10.0, 1.0
EVERY_S = 10.0
ITEMS = 1_000_000
CONNECTIONS = 32  # for each signal
WARM_UP = 0.2  # share of the run before the slope counts: caches and pools fill once
SLOPE_MIB_PER_MINUTE = 5.0

Sample = tuple[float, Memory]


def run(options: Options) -> Result:
    """Measure the claim."""
    seconds = (options.minutes or (MINUTES_QUICK if options.quick else MINUTES)) * 60
    loads = {kind: make_load(kind, ITEMS) for kind in SIGNALS}
    with Server() as server:
        start = server.memory()
        senders = [
            start_sending(load.path, server.otlp_http_port, SIGNALS[kind], CONNECTIONS, "--seconds", str(seconds))
            for kind, load in loads.items()
        ]
        samples = _watch(server, senders)
        sent = [finish_sending(sender) for sender in senders]
        peak = server.memory().peak
    accepted = ", ".join(
        f"{done.accepted * load.items / load.requests / 1e6:.1f} M {kind}"
        for (kind, load), done in zip(loads.items(), sent, strict=True)
    )
    data = f"{accepted} in {seconds / 60:g} minutes"
    notes = (
        f"{CONNECTIONS} connections for each signal, each repeating its file of {ITEMS:,} items.",
        "Resident, MiB, each 10 s: " + " ".join(f"{memory.resident:.0f}" for _, memory in samples) + ".",
    )
    return Result("memory_flat", data, _rows(start, peak, samples), options.quick, notes)


def _watch(server: Server, senders: list["subprocess.Popen[str]"]) -> list[Sample]:
    """Memory each EVERY_S seconds, while all send."""
    samples: list[Sample] = []
    started = time.monotonic()
    while all(sender.poll() is None for sender in senders):
        passed = time.monotonic() - started
        if passed >= EVERY_S * (len(samples) + 1):
            samples.append((passed, server.memory()))
            resident = samples[-1][1].resident
            progress(f"memory_flat: {passed:.0f} s, {resident:.0f} MiB", end=len(samples) % 6 == 0)
        time.sleep(0.2)
    return samples


def _rows(start: Memory, peak: float, samples: list[Sample]) -> list[Row]:
    steady = samples[int(len(samples) * WARM_UP) :]
    return [
        Row("memory, just started", start.resident, "MiB"),
        Row("memory, peak", peak, "MiB", 1000),
        Row("memory, mean", sum(memory.resident for _, memory in steady) / len(steady), "MiB", 1000),
        Row(
            "slope, resident", _slope([(at, memory.resident) for at, memory in steady]), "MiB/min", SLOPE_MIB_PER_MINUTE
        ),
        Row("slope, anonymous", _slope([(at, memory.anonymous) for at, memory in steady]), "MiB/min"),
    ]


def _slope(points: list[tuple[float, float]]) -> float:
    """Least squares, by the minute."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return 60 * sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


if __name__ == "__main__":
    main(run, __doc__)
