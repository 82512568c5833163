"""A million log lines over Loki's push: 6 CPU-seconds settled, 40 bytes a line. The lines of `ingest_logs`."""

from benchmarks.ingest import Claim, measure
from benchmarks.options import Options, main
from benchmarks.report import Result

CLAIM = Claim(
    name="ingest_loki",
    kind="loki",
    items=1_000_000,
    accept=None,
    settled=6,
    bytes_each=40,
    peers_accept="VictoriaLogs 10, Loki 11.7",
    peers_settled="VictoriaLogs 11.6, Loki 11.8",
    peers_bytes="VictoriaLogs 41, Loki 43.5",
    peers_memory="VictoriaLogs 200, Loki 360",
)


def run(options: Options) -> Result:
    """Measure the claim."""
    return measure(CLAIM, options)


if __name__ == "__main__":
    main(run, __doc__)
