"""A million spans over OTLP/gRPC cost at most a fifth more than over HTTP."""

from benchmarks.ingest import Claim, measure
from benchmarks.options import Options, main
from benchmarks.report import Result

CLAIM = Claim(
    name="ingest_spans_grpc",
    kind="spans",
    items=1_000_000,
    accept=8.4,
    settled=13.2,
    bytes_each=55,
    peers_accept="Collector, discarding: 3.9",
    peers_settled="VictoriaTraces 36 to 37, Tempo 57 to 76",
    peers_bytes="VictoriaTraces 71, Tempo 128",
    peers_memory="VictoriaTraces 240, Tempo 3400 to 3800",
    grpc=True,
)


def run(options: Options) -> Result:
    """Measure the claim."""
    return measure(CLAIM, options)


if __name__ == "__main__":
    main(run, __doc__)
