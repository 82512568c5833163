"""A million spans over OTLP/HTTP: 7 CPU-seconds until the last answer, 11 settled, 55 bytes a span."""

from benchmarks.ingest import Claim, measure
from benchmarks.options import Options, main
from benchmarks.report import Result

CLAIM = Claim(
    name="ingest_spans_http",
    kind="spans",
    items=1_000_000,
    accept=7,
    settled=11,
    bytes_each=55,
    peers_accept="VictoriaTraces 34 to 36, Tempo 34 to 49; Collector, discarding: 5.4 to 5.9",
    peers_settled="VictoriaTraces 36 to 37, Tempo 57 to 76",
    peers_bytes="VictoriaTraces 71, Tempo 128",
    peers_memory="VictoriaTraces 240, Tempo 3400 to 3800",
)


def run(options: Options) -> Result:
    """Measure the claim."""
    return measure(CLAIM, options)


if __name__ == "__main__":
    main(run, __doc__)
