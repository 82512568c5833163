"""A million spans that are judged: at most 10 CPU-seconds from the wire to the verdict, 1 of them for sampling."""

import time
from dataclasses import dataclass

from benchmarks.client import Client
from benchmarks.generate import Load, make_load
from benchmarks.options import Options, main
from benchmarks.report import Result, Row, progress
from benchmarks.sampling_verdict import MANY
from benchmarks.sender import finish_sending, start_sending
from benchmarks.server import Server

ITEMS = 1_000_000
CONNECTIONS = 64
WAIT_S = 10
TIMEOUT_S = 120
COLLECTOR = "Collector with tail_sampling 21 to 28"
POLICIES = f"""
decision_wait: {WAIT_S}s
policies:
  - {{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}
  - {{name: slow, type: latency, latency: {{threshold_ms: 2000}}}}
  - {{name: checkout, type: string_attribute, string_attribute: {{key: http.route, values: [/checkout]}}}}
  - {{name: rest, type: probabilistic, probabilistic: {{sampling_percentage: 5}}}}
"""
MANY_KEYS = f"""
decision_wait: {WAIT_S}s
{MANY}
  - {{name: by-user, type: dynamic, dynamic: {{keys: ['attributes["user.id"]'], target_rate: 50}}}}
"""
LEDGER = "SELECT sum(spans), sumIf(spans, verdict = 'kept') FROM sampling_ledger"


@dataclass(frozen=True, slots=True)
class Judged:
    """What one run cost until nothing was left to do: CPU, the last verdict's lag, bytes, memory; its dynamic keys."""

    cpu_s: float
    lag_s: float
    kept_spans: int
    keys: int
    window_bytes: int
    durable_bytes: int
    peak_mib: float


def run(options: Options) -> Result:
    """The same load with sampling and without, one after the other."""
    load = make_load("spans", options.items or (200_000 if options.quick else ITEMS))
    without, judged, keyed = _take_in(load, ""), _take_in(load, POLICIES), _take_in(load, MANY_KEYS, times=2)
    per_million = 1e6 / load.items
    rows = [
        Row("from the wire to the verdict", judged.cpu_s * per_million, "CPU-s/M", 10, COLLECTOR),
        Row("the same time without sampling", without.cpu_s * per_million, "CPU-s/M"),
        Row("sampling, the difference", (judged.cpu_s - without.cpu_s) * per_million, "CPU-s/M", 1),
        Row("last verdict after the decision wait", judged.lag_s, "s", 2),
        Row(f"the same with 20 policies and {keyed.keys:,} dynamic keys", keyed.lag_s, "s", 2),
        Row("in the window", judged.window_bytes / load.items, "B/span", 150),
        Row("durable, with sampling", judged.durable_bytes / load.items, "B/span"),
        Row("durable, without", without.durable_bytes / load.items, "B/span"),
        Row("spans kept", 100 * judged.kept_spans / load.items, "%"),
        Row("memory, peak", judged.peak_mib, "MiB", 1000, "Collector 2800 to 3000"),
    ]
    notes = (
        f"Four policies (errors, latency, an attribute, 5 %), decision_wait {WAIT_S} s, {CONNECTIONS} connections.",
        "Both runs end when the last span of the sampled one is in the ledger, merges included as far as they came.",
    )
    return Result("sampling", load.description, rows, options.quick, notes)


def _take_in(load: Load, policies: str, times: int = 1) -> Judged:
    with Server(policies) as server:
        before = server.cpu_s()
        progress(f"sampling: sending {load.items:,} spans {'to be judged' if policies else 'that are all kept'}")
        sender = start_sending(load.path, server.otlp_http_port, "traces", CONNECTIONS, "--times", str(times))
        finish_sending(sender)
        while server.pending_bytes():
            time.sleep(0.05)
        stored = time.monotonic()
        kept = _until_judged(server, times * load.items) if policies else load.items
        lag = time.monotonic() - stored - WAIT_S
        if not policies:
            time.sleep(WAIT_S + 2)
        ((keys,),) = Client(server.http_port).sql("SELECT uniqExact(keys['by-user']) FROM decisions")
        disk = server.disk()
        durable = disk.get("spans", 0) + disk.get("decisions", 0)
        return Judged(
            server.cpu_s() - before, lag, kept, keys, disk.get("spans_recent", 0), durable, server.memory().peak
        )


def _until_judged(server: Server, spans: int) -> int:
    """Wait until every span is in the ledger; returns how many were kept."""
    client, deadline = Client(server.http_port), time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        ((judged, kept),) = client.sql(LEDGER)
        if judged == spans:
            return int(kept)
        time.sleep(0.25)
    raise RuntimeError(f"{judged} of {spans} spans were judged within {TIMEOUT_S} s")


if __name__ == "__main__":
    main(run, __doc__)
