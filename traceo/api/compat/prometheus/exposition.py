"""Samples in the formats that Prometheus scrapes: text, OpenMetrics, protobuf; and names as a scraper takes them.

Histograms with custom buckets go as classic ones, which a scraper may convert back: so federates Prometheus 3.7.

Source: the negotiation and the escaping schemes of Prometheus 3 ("UTF-8 in Prometheus", "content negotiation").
"""

import io
import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from google.protobuf import proto

from traceo.api.compat.prometheus.numbers import format_float, format_time
from traceo.query.histogram_chunks import spans_of
from traceo.query.promql.histogram import Hint, Histogram, Side
from traceo.scraping.wire.exposed_pb2 import Bucket, BucketSpan, LabelPair, Metric, MetricFamily, MetricType, Untyped
from traceo.scraping.wire.exposed_pb2 import Histogram as ExposedHistogram

OPENMETRICS, PROTOBUF = "application/openmetrics-text", "application/vnd.google.protobuf"
UNDERSCORES = "underscores"
MESSAGE = "io.prometheus.client.MetricFamily"
ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
LEGACY_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
NOT_LEGACY = re.compile(r"[^a-zA-Z0-9_:]|^[0-9]")
NOT_PLAIN = re.compile(r"[^a-zA-Z0-9:]|^[0-9]")  # an underscore is escaped, too


@dataclass(frozen=True, slots=True)
class Sample:
    """The newest of a series; with `histogram`, `value` does not count."""

    metric: str
    labels: dict[str, str]
    value: float
    time_ms: int
    histogram: Histogram | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """What a scraper asked for: a media type and how names are escaped."""

    media: str = "text/plain"
    version: str = "0.0.4"
    escaping: str = UNDERSCORES

    @property
    def content_type(self) -> str:
        """As a header."""
        if self.media == PROTOBUF:
            return f"{PROTOBUF}; proto={MESSAGE}; encoding=delimited; escaping={self.escaping}"
        return f"{self.media}; version={self.version}; charset=utf-8; escaping={self.escaping}"


def negotiate(accept: str) -> Format:
    """The first format of an Accept header that is known, by its q values; text if there is none."""
    asked = [_parse_media(part) for part in accept.split(",")]
    escaping = UNDERSCORES
    for media, params in sorted(asked, key=lambda each: -_quality(each[1])):
        if params.get("escaping") in ESCAPING:
            escaping = params["escaping"]
        version = params.get("version", "")
        if media == PROTOBUF and (params.get("proto"), params.get("encoding")) == (MESSAGE, "delimited"):
            return Format(PROTOBUF, "", escaping)
        if media == OPENMETRICS and version in ("", "0.0.1", "1.0.0"):
            return Format(OPENMETRICS, version or "0.0.1", escaping)
        if media == "text/plain" and version in ("", "0.0.4", "1.0.0"):
            return Format(version=version or "0.0.4", escaping=escaping)
    return Format(escaping=escaping)


def _parse_media(text: str) -> tuple[str, dict[str, str]]:
    media, *params = (part.strip() for part in text.split(";"))
    pairs = (param.partition("=") for param in params)
    return media.lower(), {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _quality(params: Mapping[str, str]) -> float:
    try:
        return float(params.get("q", 1))
    except ValueError:
        return 0.0


def _with_underscores(name: str) -> str:
    return NOT_LEGACY.sub("_", name)


def _with_dots(name: str) -> str:
    return NOT_PLAIN.sub(lambda found: "_dot_" if found[0] == "." else "__", name)


def _with_values(name: str) -> str:
    if LEGACY_NAME.fullmatch(name):
        return name
    return "U__" + NOT_PLAIN.sub(lambda found: "__" if found[0] == "_" else f"_{ord(found[0]):x}_", name)


ESCAPING: dict[str, Callable[[str], str]] = {
    UNDERSCORES: _with_underscores,
    "dots": _with_dots,
    "values": _with_values,
    "allow-utf-8": str,
}


def write_samples(samples: Iterable[Sample], chosen: Format) -> bytes:
    """All samples, which MUST be in order of their metrics. The text formats cannot say histograms of a schema."""
    escape = ESCAPING[chosen.escaping]
    if chosen.media == PROTOBUF:
        return _write_protobuf(samples, escape)
    return "".join(_write_text(samples, escape, is_open=chosen.media == OPENMETRICS)).encode("utf-8", "replace")


def _write_text(samples: Iterable[Sample], escape: Callable[[str], str], *, is_open: bool) -> Iterator[str]:
    shown = (sample for sample in samples if sample.histogram is None or sample.histogram.is_custom)
    untyped = "unknown" if is_open else "untyped"
    kinds = itertools.groupby(shown, key=lambda sample: (escape(sample.metric), sample.histogram is not None))
    for (metric, has_buckets), group in kinds:
        yield f"# TYPE {_metric_name(metric)} {'histogram' if has_buckets else untyped}\n"
        for sample in group:
            moment = format_time(sample.time_ms) if is_open else sample.time_ms
            pairs = [(escape(name), value) for name, value in _labels(sample)]
            for suffix, more, value in _lines_of(sample, is_open=is_open):
                yield f"{_written(metric + suffix, [*pairs, *more])} {format_float(value)} {moment}\n"
    if is_open:
        yield "# EOF\n"


def _lines_of(sample: Sample, *, is_open: bool) -> Iterator[tuple[str, list[tuple[str, str]], float]]:
    """Suffix of the metric, further labels, value. OpenMetrics wants bounds as floats."""
    if (found := sample.histogram) is None:
        yield "", [], sample.value
        return
    for bound, count in [*_cumulative(found), (math.inf, found.count)]:
        text = format_float(bound)
        yield "_bucket", [("le", f"{text}.0" if is_open and text.lstrip("-").isdigit() else text)], count
    yield "_sum", [], found.sum
    yield "_count", [], found.count


def _cumulative(found: Histogram) -> list[tuple[float, float]]:
    """Upper bounds of custom buckets, each with the count up to it; without the last, which has none."""
    counts = np.zeros(len(found.custom_bounds) + 1)
    counts[found.positive.indexes] = found.positive.counts
    return list(zip(found.custom_bounds, np.cumsum(counts).tolist(), strict=False))


def _metric_name(name: str) -> str:
    return name if LEGACY_NAME.fullmatch(name) else _quoted(name)


def _written(metric: str, labels: Iterable[tuple[str, str]]) -> str:
    """A series; a name of other characters stands among the labels."""
    pairs = [f"{_label_name(name)}={_quoted(value)}" for name, value in labels]
    if LEGACY_NAME.fullmatch(metric):
        return f"{metric}{{{','.join(pairs)}}}"
    return f"{{{','.join([_quoted(metric), *pairs])}}}"


def _labels(sample: Sample) -> list[tuple[str, str]]:
    """A series without `instance` says so, or the scraper would put its own address there."""
    return sorted({"instance": "", **sample.labels}.items())


def _label_name(name: str) -> str:
    return name if LEGACY_NAME.fullmatch(name) and ":" not in name else _quoted(name)


def _quoted(text: str) -> str:
    return f'"{text.translate(ESCAPES)}"'


def _write_protobuf(samples: Iterable[Sample], escape: Callable[[str], str]) -> bytes:
    """A metric of several kinds becomes several families, as Prometheus has it."""
    out = io.BytesIO()
    for (metric, kind), group in itertools.groupby(samples, key=lambda sample: (escape(sample.metric), _kind(sample))):
        family = MetricFamily(name=metric, type=kind, metric=[_metric(sample, escape) for sample in group])
        proto.serialize_length_prefixed(family, out)
    return out.getvalue()


def _kind(sample: Sample) -> MetricType:
    if sample.histogram is None:
        return MetricType.UNTYPED
    return MetricType.GAUGE_HISTOGRAM if sample.histogram.hint == Hint.GAUGE else MetricType.HISTOGRAM


def _metric(sample: Sample, escape: Callable[[str], str]) -> Metric:
    pairs = [LabelPair(name=escape(name), value=value) for name, value in _labels(sample)]
    made = Metric(label=pairs, timestamp_ms=sample.time_ms)
    if sample.histogram is None:
        made.untyped.CopyFrom(Untyped(value=sample.value))
    else:
        made.histogram.CopyFrom(_exposed(sample.histogram))
    return made


def _exposed(found: Histogram) -> ExposedHistogram:
    """A histogram that is empty has a span of no buckets, by which scrapers know that it is a native one."""
    if found.is_custom:
        buckets = [Bucket(upper_bound=bound, cumulative_count_float=count) for bound, count in _cumulative(found)]
        return ExposedHistogram(sample_count_float=found.count, sample_sum=found.sum, bucket=buckets)
    return ExposedHistogram(
        sample_count_float=found.count,
        sample_sum=found.sum,
        schema=found.schema,
        zero_threshold=found.zero_threshold,
        zero_count_float=found.zero_count,
        positive_span=_spans(found.positive) or [BucketSpan(offset=0, length=0)],
        positive_count=found.positive.counts.tolist(),
        negative_span=_spans(found.negative),
        negative_count=found.negative.counts.tolist(),
    )


def _spans(side: Side) -> list[BucketSpan]:
    return [BucketSpan(offset=offset, length=length) for offset, length in spans_of(side.indexes.tolist())]
