"""What a scraped sample costs between the target's answer and the request for the store, in each format.

In the benchmark's own process: the answer's bytes are there, nothing is sent.
"""

import io
import time
from collections.abc import Callable

from google.protobuf import proto

from benchmarks.options import Options, main
from benchmarks.report import Result, Row
from traceo.scraping.config import PROTOBUF, ScrapeConfig
from traceo.scraping.digest import Digest, Outcome
from traceo.scraping.fetch import OPENMETRICS, TEXT
from traceo.scraping.target import Target
from traceo.scraping.wire.exposed_pb2 import MetricFamily, MetricType

SERIES, SERIES_QUICK = 100_000, 20_000
TIMES = 5
NOW = 1_795_633_795_000
TARGET = Target("http://x:80/metrics", {"job": "api", "instance": "x:80"}, {}, 15, 10)


def run(options: Options) -> Result:
    """Measure all."""
    series = SERIES_QUICK if options.quick else SERIES
    text = [_text(series, turn) for turn in range(TIMES)]
    openmetrics = [body + b"# EOF\n" for body in text]
    rows = _measure("text", TEXT, text, series)
    rows += _measure("OpenMetrics", OPENMETRICS, openmetrics, series)
    rows += _measure("protobuf", PROTOBUF, [_protobuf(series, turn) for turn in range(TIMES)], series)
    data = f"{series:,} counters of one target with 4 labels, {len(text[0]) / series:.0f} bytes a line"
    return Result("scraping", data, rows, options.quick)


def _measure(name: str, format_name: str, bodies: list[bytes], series: int) -> list[Row]:
    """First answer; the least of the answers with the same series; one where every tenth series is another."""
    digest = Digest(ScrapeConfig("a"), TARGET)

    def take(body: bytes) -> float:
        return _cpu_s(lambda: digest.take(body, format_name, NOW, Outcome())) / series * 1e6

    first, same = take(bodies[0]), min(take(body) for body in bodies[1:])
    found = {"all series new": first, "the same series": same}
    if format_name == TEXT:
        found["every tenth series new"] = take(bodies[0].replace(b'9"} ', b'9x"} '))
    return [Row(f"{name}, {case}", value, "CPU-s/M samples") for case, value in found.items()]


def _cpu_s(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _labels(number: int) -> dict[str, str]:
    pod, path = f"checkout-5d9f-{number % 50}", f"/api/v1/{number}"
    return {"method": "GET", "code": f"{number % 7}00", "pod": pod, "path": path}


def _text(series: int, turn: int) -> bytes:
    lines = []
    for number in range(series):
        inner = ",".join(f'{name}="{value}"' for name, value in _labels(number).items())
        lines.append(f"http_requests_total{{{inner}}} {number * 7 + turn}\n")
    return "".join(lines).encode()


def _protobuf(series: int, turn: int) -> bytes:
    family = MetricFamily(name="http_requests_total", type=MetricType.COUNTER)
    for number in range(series):
        metric = family.metric.add()
        metric.counter.value = number * 7 + turn
        for name, value in _labels(number).items():
            metric.label.add(name=name, value=value)
    stream = io.BytesIO()
    proto.serialize_length_prefixed(family, stream)
    return stream.getvalue()


if __name__ == "__main__":
    main(run, __doc__)
