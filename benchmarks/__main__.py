"""`make bench`, or `python -m benchmarks [names] [--quick]`: all benchmarks, or those that are named."""

import argparse
import sys
import traceback
from collections.abc import Callable

from benchmarks import (
    analysis,
    ingest_logs,
    ingest_loki,
    ingest_metrics,
    ingest_remote_write,
    ingest_spans_grpc,
    ingest_spans_http,
    latency,
    logql,
    memory_flat,
    metrics_growth,
    metrics_peers,
    prometheus_restarts,
    promql_panels,
    queries,
    sampling,
    sampling_kill,
    sampling_shop,
    sampling_verdict,
    sampling_window,
    scraping,
    service_map,
    traceql,
)
from benchmarks.options import Options, add_options, read_options, run_and_publish
from benchmarks.report import Result, progress

BENCHMARKS: dict[str, Callable[[Options], Result]] = {
    "latency": latency.run,
    "ingest_spans_http": ingest_spans_http.run,
    "ingest_spans_grpc": ingest_spans_grpc.run,
    "ingest_logs": ingest_logs.run,
    "ingest_loki": ingest_loki.run,
    "ingest_metrics": ingest_metrics.run,
    "ingest_remote_write": ingest_remote_write.run,
    "queries": queries.run,
    "promql_panels": promql_panels.run,
    "logql": logql.run,
    "metrics_peers": metrics_peers.run,
    "metrics_growth": metrics_growth.run,
    "memory_flat": memory_flat.run,
    "sampling": sampling.run,
    "prometheus_restarts": prometheus_restarts.run,
    "sampling_kill": sampling_kill.run,
    "sampling_verdict": sampling_verdict.run,
    "sampling_shop": sampling_shop.run,
    "sampling_window": sampling_window.run,
    "scraping": scraping.run,
    "service_map": service_map.run,
    "analysis": analysis.run,
    "traceql": traceql.run,
}


def main() -> int:
    """Run them one after the other; one that fails does not keep the others from running."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; none: all")
    add_options(parser)
    args = parser.parse_args()
    unknown = set(args.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    failed = []
    for name in args.names or BENCHMARKS:
        progress(f"==> {name}", end=True)
        try:
            run_and_publish(BENCHMARKS[name], read_options(args))
        except Exception:  # the edge of the process
            traceback.print_exc()
            failed.append(name)
    if failed:
        progress(f"failed: {', '.join(failed)}", end=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
