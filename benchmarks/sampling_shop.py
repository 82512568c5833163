"""The shop's traffic under the recommended policies: a tenth of the bytes, and nothing important is lost."""

import math
import time
from pathlib import Path

import shop

from benchmarks.client import Client
from benchmarks.options import Options, main
from benchmarks.report import Result, Row, progress
from benchmarks.server import Server

RATE = 25.0  # pages a second; two cores are the shop's, the load's and Traceo's
MINUTES, MINUTES_QUICK = 5.0, 0.5
TIMEOUT_S = 60
LEAST = 1000  # requests of an operation, for its figures to be compared
DURABLE = ("spans", "sampling_ledger")
RECOMMENDED = (Path(__file__).parents[1] / "traceo/policies/recommended.yaml").read_text()
KEPT = "(SELECT trace_id FROM decisions WHERE kept)"
LOST = f"SELECT uniqExact(trace_id) FROM spans WHERE trace_id NOT IN {KEPT}"
SLOW = (
    "SELECT trace_id FROM spans GROUP BY trace_id HAVING max(toUnixTimestamp64Nano(start_time) + duration_ns) "
    "- min(toUnixTimestamp64Nano(start_time)) >= 1000000000"
)
KEPT_BY = """
SELECT if(startsWith(policy, 'on demand'), 'exemplars', policy) AS name, sum(spans) AS part FROM sampling_ledger
WHERE verdict IN ('kept', 'forced', 'late_kept', 'rescued') GROUP BY name ORDER BY part DESC
"""
# All spans rest in the window; what the kept ones alone would say is weighted by their trace's verdict.
FIGURES = f"""
SELECT service, name, count() AS requests, sum(weight) AS estimated, countIf(weight > 0) AS kept,
    countIf(status = 'error') AS errors, sumIf(weight, status = 'error') AS estimated_errors,
    quantilesExact(0.5, 0.95, 0.99)(duration_ns) AS exact,
    quantilesExactWeighted(0.5, 0.95, 0.99)(duration_ns, toUInt64(weight * 1000)) AS weighted
FROM (SELECT s.service AS service, s.name AS name, s.status AS status, s.duration_ns AS duration_ns,
    d.adjusted_count AS weight FROM spans AS s INNER JOIN decisions AS d ON s.trace_id = d.trace_id
    WHERE s.kind = 'server')
GROUP BY service, name HAVING requests > {LEAST} ORDER BY requests DESC
"""


def run(options: Options) -> Result:
    """Let the shop work, wait for the verdicts, and compare what was kept with all that came."""
    minutes = options.minutes or (MINUTES_QUICK if options.quick else MINUTES)
    with Server(RECOMMENDED) as server:
        endpoint = f"http://127.0.0.1:{server.otlp_http_port}"
        with shop.running_shop(server.folder / "shop", endpoint, rate=RATE):
            progress(f"sampling_shop: {minutes:g} minutes of {RATE:g} pages a second", end=True)
            time.sleep(minutes * 60)
        client = Client(server.http_port)
        _until_judged(client)
        disk = server.disk()
        ((traces, spans),) = client.sql("SELECT uniqExact(trace_id), count() FROM spans")
        durable, window = sum(disk.get(table, 0) for table in DURABLE), disk["spans_recent"]
        ((errors,),) = client.sql(f"{LOST} AND status = 'error'")
        ((slow,),) = client.sql(f"{LOST} AND trace_id IN ({SLOW})")
        ((slow_seen,),) = client.sql(f"SELECT count() FROM ({SLOW})")
        ((error_seen,),) = client.sql("SELECT uniqExact(trace_id) FROM spans WHERE status = 'error'")
        rows = [
            Row("durable bytes, of all that came", 100 * durable / window, "%", 10),
            Row("a verdict, which is known for a day", disk["decisions"] / traces, "B/trace"),
            *(Row(f"spans kept by {name or 'none'}", 100 * part / spans, "%") for name, part in client.sql(KEPT_BY)),
            Row("traces with errors lost", errors, f"of {error_seen}", 0),
            Row("slow traces lost", slow, f"of {slow_seen}", 0),
            *_figures(client.sql(FIGURES)),
        ]
    notes = (
        "A random sample of k of n requests estimates n with a standard error of sqrt((1 - k/n) / k), which is shown. "
        "`/services`, edges and RED of operations come from before sampling and are exact.",
    )
    return Result("sampling_shop", f"{spans:,} spans in {traces:,} traces of the shop", rows, options.quick, notes)


def _until_judged(client: Client) -> None:
    """Wait until each trace has its verdict."""
    deadline = time.monotonic() + TIMEOUT_S
    while client.sql("SELECT count() FROM spans WHERE trace_id NOT IN (SELECT trace_id FROM decisions)") != [[0]]:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not all traces were judged within {TIMEOUT_S} s")
        time.sleep(0.5)


def _figures(found: list[list[object]]) -> list[Row]:
    """Of all operations with so many requests, the largest error and the mean one."""
    rates, errors, theory, quantiles = [], [], [], []
    for _, _, requests, estimated, kept, failed, failed_estimated, exact, weighted in found:
        rates.append(100 * abs(float(str(estimated)) / float(str(requests)) - 1))
        theory.append(100 * math.sqrt((1 - float(str(kept)) / float(str(requests))) / float(str(kept))))
        if failed:
            errors.append(100 * abs(float(str(failed_estimated)) / float(str(failed)) - 1))
        if isinstance(exact, list) and isinstance(weighted, list):
            quantiles.append([100 * abs(mine / true - 1) for mine, true in zip(weighted, exact, strict=True)])
    if not rates:
        return []
    mean = sum(rates) / len(rates)
    return [
        Row(f"error of a rate, mean of {len(rates)} operations over {LEAST} requests", mean, "%", 1),
        Row("the same, largest", max(rates), "%", 1),
        Row("standard error of a random sample of that size, mean", sum(theory) / len(theory), "%"),
        Row("error of a number of errors, largest", max(errors, default=0.0), "%", 1),
        *(
            Row(f"error of {name}, mean", sum(row[place] for row in quantiles) / len(quantiles), "%", 3)
            for place, name in enumerate(("p50", "p95", "p99"))
        ),
    ]


if __name__ == "__main__":
    main(run, __doc__)
