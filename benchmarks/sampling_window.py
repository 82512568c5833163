"""Twenty million spans that wait for their verdict take disk, 150 bytes each at most, and no memory."""

import time

from benchmarks.generate import make_load
from benchmarks.options import Options, main
from benchmarks.report import Result, Row, progress
from benchmarks.sampling import POLICIES, WAIT_S
from benchmarks.sender import finish_sending, start_sending
from benchmarks.server import Memory, Server

ITEMS = 1_000_000
TIMES, TIMES_QUICK = 20, 2
CONNECTIONS = 64
WAITS = {"10 s": f"{WAIT_S}s", "30 min": "30m"}


def run(options: Options) -> Result:
    """The same spans with a short and with a long wait, one after the other."""
    load = make_load("spans", ITEMS)
    times = TIMES_QUICK if options.quick else TIMES
    rows = []
    for name, wait in WAITS.items():
        policies = POLICIES.replace(f"decision_wait: {WAIT_S}s", f"decision_wait: {wait}")
        with Server(policies, "retention: {recent_spans: 2h}") as server:
            idle = server.memory()
            progress(f"sampling_window: {times} M spans wait {name}", end=True)
            cpu_s = server.cpu_s()
            finish_sending(
                start_sending(load.path, server.otlp_http_port, "traces", CONNECTIONS, "--times", str(times))
            )
            while server.pending_bytes():
                time.sleep(0.1)
            cpu_s = server.cpu_s() - cpu_s
            time.sleep(WAIT_S)
            spans = times * load.items
            rows += _rows(name, idle, server.memory(), server.disk().get("spans_recent", 0) / spans)
            rows.append(Row(f"wait {name}: CPU until all are stored", cpu_s / times, "CPU-s/M"))
    notes = (f"Four policies as in `sampling`, {CONNECTIONS} connections, the window keeps spans for two hours.",)
    return Result(
        "sampling_window", f"{times} x {load.description}, other trace ids each time", rows, options.quick, notes
    )


def _rows(name: str, idle: Memory, full: Memory, bytes_a_span: float) -> list[Row]:
    return [
        Row(f"wait {name}: in the window", bytes_a_span, "B/span", 150),
        Row(f"wait {name}: memory before", idle.anonymous, "MiB"),
        Row(f"wait {name}: memory, all spans in the window", full.anonymous, "MiB"),
        Row(f"wait {name}: memory, peak", full.peak, "MiB", 1000, "Collector 2600 to 3000 B per span in flight"),
    ]


if __name__ == "__main__":
    main(run, __doc__)
