"""The protobuf format of metrics (delimited MetricFamily), read into the same columns as the text formats.

Prometheus asks for it where native histograms are wanted, which no other format has. Labels become series texts, so
that a target's cache and all that follows need not know which format an answer came in.
"""

import io
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf import proto
from google.protobuf.message import DecodeError

from traceo.scraping.exposition import NORMAL_NAN, ExpositionError, Samples
from traceo.scraping.extras import Family
from traceo.scraping.floats import format_bound
from traceo.scraping.wire.exposed_pb2 import Exemplar, Histogram, Metric, MetricFamily, MetricType

KINDS = {
    MetricType.COUNTER: "counter",
    MetricType.GAUGE: "gauge",
    MetricType.SUMMARY: "summary",
    MetricType.UNTYPED: "unknown",
    MetricType.HISTOGRAM: "histogram",
    MetricType.GAUGE_HISTOGRAM: "gaugehistogram",
}
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class NativeSample:
    """One native histogram. `time_ms`: its own timestamp; None where it has none."""

    series: bytes
    histogram: Histogram
    is_gauge: bool
    time_ms: int | None


@dataclass(slots=True)
class Exposed:
    """An answer. `native` is filled only if native histograms are wanted."""

    families: dict[str, Family] = field(default_factory=dict)
    native: list[NativeSample] = field(default_factory=list)
    _series: list[bytes] = field(default_factory=list)
    _values: list[float] = field(default_factory=list)
    _times: list[int | None] = field(default_factory=list)
    _exemplars: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, series: str, value: float, time_ms: int | None, exemplar: Exemplar | None = None) -> None:
        """One float sample."""
        if exemplar is not None:
            self._exemplars.append((len(self._series), _show_exemplar(exemplar)))
        self._series.append(series.encode())
        self._values.append(value)
        self._times.append(time_ms)

    def samples(self) -> Samples:
        """All float samples."""
        values = np.array(self._values, np.float64)
        values[np.isnan(values)] = NORMAL_NAN
        timed = np.array([time is not None for time in self._times], np.bool_)
        times = np.array([time or 0 for time in self._times], np.int64) if timed.any() else None
        series = pa.array(self._series, pa.large_binary())
        return Samples(series, values, times, None if times is None else timed, self._exemplars)


def parse_protobuf(body: bytes, *, native: bool, classic: bool) -> Exposed:
    """`native`: keep native histograms; `classic`: keep the classic buckets of those too. Raises ExpositionError."""
    found, stream = Exposed(), io.BytesIO(body)
    try:
        for family in iter(lambda: proto.parse_length_prefixed(MetricFamily, stream), None):
            kind = KINDS[family.type]
            found.families[family.name] = Family(kind, family.help, family.unit)
            for metric in family.metric:
                _add_metric(found, family.name, kind, metric, native, classic)
    except (DecodeError, UnicodeDecodeError, ValueError) as error:
        raise ExpositionError(f"not the protobuf format of metrics: {error}") from error
    return found


def _add_metric(found: Exposed, name: str, kind: str, metric: Metric, native: bool, classic: bool) -> None:
    labels = _show_labels(metric.label)
    time_ms = metric.timestamp_ms if metric.HasField("timestamp_ms") else None
    if metric.HasField("histogram"):
        histogram = metric.histogram
        is_native = native and _is_native(histogram)
        if is_native:
            series = _series(name, labels).encode()
            found.native.append(NativeSample(series, histogram, kind == "gaugehistogram", time_ms))
        if not is_native or (classic and histogram.bucket):
            _add_histogram(found, name, labels, histogram, time_ms)
    elif metric.HasField("summary"):
        for row in metric.summary.quantile:
            found.add(_series(name, [*labels, f'quantile="{format_bound(row.quantile)}"']), row.value, time_ms)
        found.add(_series(f"{name}_sum", labels), metric.summary.sample_sum, time_ms)
        found.add(_series(f"{name}_count", labels), metric.summary.sample_count, time_ms)
    elif metric.HasField("counter"):
        exemplar = metric.counter.exemplar if metric.counter.HasField("exemplar") else None
        found.add(_series(name, labels), metric.counter.value, time_ms, exemplar)
    else:
        value = metric.gauge.value if metric.HasField("gauge") else metric.untyped.value
        found.add(_series(name, labels), value, time_ms)


def _is_native(histogram: Histogram) -> bool:
    """As Prometheus tells them: an empty one has a zero threshold or an empty span."""
    return bool(
        histogram.zero_threshold > 0
        or histogram.zero_count
        or histogram.zero_count_float
        or histogram.positive_span
        or histogram.negative_span
    )


def _add_histogram(found: Exposed, name: str, labels: list[str], histogram: Histogram, time_ms: int | None) -> None:
    total = histogram.sample_count_float or histogram.sample_count
    bounds = set()
    for row in histogram.bucket:
        exemplar = row.exemplar if row.HasField("exemplar") else None
        series = _series(f"{name}_bucket", [*labels, f'le="{format_bound(row.upper_bound)}"'])
        found.add(series, row.cumulative_count_float or row.cumulative_count, time_ms, exemplar)
        bounds.add(row.upper_bound)
    if math.inf not in bounds:
        found.add(_series(f"{name}_bucket", [*labels, 'le="+Inf"']), total, time_ms)
    found.add(_series(f"{name}_sum", labels), histogram.sample_sum, time_ms)
    found.add(_series(f"{name}_count", labels), total, time_ms)


def _series(name: str, labels: list[str]) -> str:
    return f"{{{','.join([_quote(name), *labels])}}}"


def _show_labels(pairs: Any) -> list[str]:
    return [f"{_quote(pair.name)}={_quote(pair.value)}" for pair in pairs]


def _quote(text: str) -> str:
    return f'"{text.translate(ESCAPES)}"' if "\\" in text or '"' in text or "\n" in text else f'"{text}"'


def _show_exemplar(exemplar: Exemplar) -> bytes:
    at = ""
    if exemplar.HasField("timestamp"):
        at = f" {exemplar.timestamp.seconds + exemplar.timestamp.nanos / 1e9!r}"
    return f" {{{','.join(_show_labels(exemplar.label))}}} {exemplar.value!r}{at}".encode()
