"""Samples over Prometheus' remote write 1.0: 1.5 CPU-seconds settled, 1.3 bytes a sample.

480 steps of 20 000 series, two hours, over 4 connections, as the peers had it: the series are part of the bytes."""

from benchmarks.ingest import Claim, measure
from benchmarks.options import Options, main
from benchmarks.report import Result

CLAIM = Claim(
    name="ingest_remote_write",
    kind="samples",
    items=9_600_000,
    accept=None,
    settled=1.5,
    bytes_each=1.3,
    peers_accept="VictoriaMetrics 1.6, Prometheus 9.3",
    peers_settled="VictoriaMetrics 1.7, Prometheus 9.3",
    peers_bytes="VictoriaMetrics 1.24, Prometheus 2.02",
    peers_memory="VictoriaMetrics 270, Prometheus 220",
    connections=4,
)


def run(options: Options) -> Result:
    """Measure the claim."""
    return measure(CLAIM, options)


if __name__ == "__main__":
    main(run, __doc__)
