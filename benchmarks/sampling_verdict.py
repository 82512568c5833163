"""The verdict over half a million spans costs less than 1 CPU-second per million with 4 policies, and with 20.

Alone among the benchmarks it runs the engine in its own process: the verdict is one SELECT, measured by itself.
"""

import asyncio
import shutil
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.generate import make_load
from benchmarks.options import Options, main
from benchmarks.report import Result, Row, progress
from traceo.config import Store as StoreSettings
from traceo.query.sql import Scope
from traceo.sampling.parse import parse_policies
from traceo.sampling.policies import compile_verdict
from traceo.store.base import Request, Signal, Store
from traceo.store.embedded import open_embedded
from traceo.store.migrate import migrate

SPANS, SPANS_QUICK = 500_000, 100_000
REQUESTS_A_BLOCK = 100
TIMES = 5
TENANT = "bench"
FEW = """
policies:
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: slow, type: latency, latency: {threshold_ms: 500}}
  - {name: some, type: probabilistic, probabilistic: {sampling_percentage: 5}}
  - {name: limit, type: rate_limiting, rate_limiting: {spans_per_second: 100}}
"""
MANY = (
    FEW
    + r"""
  - {name: status, type: numeric_attribute, numeric_attribute: {key: http.response.status_code, min_value: 500}}
  - {name: user, type: string_attribute, string_attribute: {key: user.id, values: [user-1, user-2, user-3]}}
  - {name: users, type: string_attribute, string_attribute: {key: user.id, values: [user-4, user-5]}}
  - {name: route, type: string_attribute, string_attribute: {key: http.route, values: [/pay, /refund]}}
  - name: routes
    type: string_attribute
    string_attribute: {key: http.route, values: ['^/api/v\d+/admin', '/internal/'], enabled_regex_matching: true}
  - {name: service, type: string_attribute, string_attribute: {key: service.name, values: [payments]}}
  - {name: forced, type: boolean_attribute, boolean_attribute: {key: app.force_sample, value: true}}
  - {name: large, type: span_count, span_count: {min_spans: 200}}
  - {name: vendor, type: trace_state, trace_state: {key: vendor, values: [keep]}}
  - {name: ottl, type: ottl_condition, ottl_condition: {span: ['kind == SPAN_KIND_SERVER and name == "GET /none"']}}
  - {name: event, type: ottl_condition, ottl_condition: {spanevent: ['name == "deadlock"']}}
  - {name: no-ok, type: not, not: {not_sub_policy: {name: a, type: status_code, status_code: {status_codes: [UNSET]}}}}
  - name: slow-some
    type: and
    and:
      and_sub_policy:
        - {name: slower, type: latency, latency: {threshold_ms: 100}}
        - {name: half, type: probabilistic, probabilistic: {sampling_percentage: 50}}
  - name: no-health
    type: drop
    drop:
      drop_sub_policy:
        - {name: health, type: string_attribute, string_attribute: {key: url.path, values: [/health]}}
  - {name: by-route, type: dynamic, dynamic: {keys: [root.name], target_rate: 50}}
  - name: composite
    type: composite
    composite:
      max_total_spans_per_second: 1000
      policy_order: [first, rest]
      composite_sub_policy:
        - {name: first, type: latency, latency: {threshold_ms: 50}}
        - {name: rest, type: always_sample}
      rate_allocation: [{policy: first, percent: 80}]
"""
)
SETS = {"4 policies": FEW, "4 policies, guarantee": f"guarantee: true\n{FEW}", "20 policies": MANY}


def run(options: Options) -> Result:
    """Measure the claim."""
    load = make_load("spans", SPANS_QUICK if options.quick else SPANS)
    folder = Path(tempfile.mkdtemp(prefix="traceo-bench-"))
    try:
        rows = asyncio.run(_measure(folder, load.path, load.items))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    notes = ("An empty cohort is what reading and planning the statement costs, whatever the number of spans.",)
    return Result("sampling_verdict", load.description, rows, options.quick, notes)


async def _measure(folder: Path, path: str, spans: int) -> list[Row]:
    store = open_embedded(folder, StoreSettings())
    await migrate(store)
    requests = [Request(TENANT, body, recent=True) for body in _bodies(path)]
    for first in range(0, len(requests), REQUESTS_A_BLOCK):
        await store.insert(Signal.TRACES, requests[first : first + REQUESTS_A_BLOCK])
    rows = []
    for name, text in SETS.items():
        progress(f"  {name}", end=True)
        empty = await _verdict_cpu_s(store, text, "nobody")
        rows.append(
            Row(f"verdict, {name}", (await _verdict_cpu_s(store, text, TENANT)) / spans * 1e6, "CPU-s/M spans", 1)
        )
        rows.append(Row(f"empty cohort, {name}", empty, "CPU-s"))
    await store.close()
    return rows


async def _verdict_cpu_s(store: Store, text: str, tenant: str) -> float:
    """The least of some runs: other work on the machine only adds."""
    policies = parse_policies(text).policies
    taken = []
    for _ in range(TIMES):
        scope = Scope(tenant)
        sql = compile_verdict(policies, lambda columns, scope=scope: scope.select("spans_recent", columns), scope)
        before = time.process_time()
        await store.query(f"SELECT sum(keep), count() FROM ({sql})", scope.params)
        taken.append(time.process_time() - before)
    return min(taken)


def _bodies(path: str) -> Iterator[bytes]:
    data = Path(path).read_bytes()
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        yield data[at + 4 : at + 4 + length]
        at += 4 + length


if __name__ == "__main__":
    main(run, __doc__)
