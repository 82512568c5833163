"""Results of PromQL as JSON: written piece by piece, all numbers of a piece at once, so that millions of points cost
what their texts do.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from traceo.api.compat.prometheus.numbers import format_float, format_floats, format_time, format_times
from traceo.query.promql.histogram import Histogram
from traceo.query.promql.numbers import format_float as write_without_exponent
from traceo.query.promql.values import Answer, Series

PIECE_POINTS = 200_000


def encode_result(answer: Answer, series: Sequence[Series], at_ms: int) -> Iterator[bytes]:
    """The value of `data.result`; `series` are those of the answer that are shown, `at_ms` is the time of a text."""
    match answer.kind:
        case "matrix":
            yield from _encode_matrix(series)
        case "vector":
            yield from _encode_vector(series)
        case "scalar":
            value = write_without_exponent(float(series[0].values[0]))
            yield f'[{format_time(int(series[0].times_ms[0]))},"{value}"]'.encode()
        case "string":
            yield f"[{format_time(at_ms)},".encode() + encode_json(answer.string) + b"]"


def encode_json(value: Any) -> bytes:
    """As small as JSON can be. Bytes of a query that are no UTF-8 (surrogates) become U+FFFD, as in Prometheus."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").encode()


def encode_labels(labels: dict[str, str]) -> bytes:
    """A JSON object, keys in order."""
    return encode_json(dict(sorted(labels.items())))


def _encode_matrix(series: Sequence[Series]) -> Iterator[bytes]:
    yield b"["
    for number, piece in enumerate(_pieces(series)):
        yield (b"," if number else b"") + b",".join(_encode_piece(piece))
    yield b"]"


def _pieces(series: Sequence[Series]) -> Iterator[Sequence[Series]]:
    """Series with about PIECE_POINTS points together."""
    begin, points = 0, 0
    for number, one in enumerate(series):
        points += len(one.times_ms)
        if points >= PIECE_POINTS:
            yield series[begin : number + 1]
            begin, points = number + 1, 0
    if begin < len(series):
        yield series[begin:]


def _encode_piece(series: Sequence[Series]) -> Iterator[bytes]:
    """Each point begins with what parts it from the one before, so that a series is a slice of the texts' buffer."""
    floats = [_float_points(one) for one in series]
    times = pa.array(np.concatenate([times for times, _ in floats])).dictionary_encode()
    heads = pa.array([f'"],[{format_time(time)},"' for time in times.dictionary.to_pylist()], pa.string())
    values = format_floats(np.concatenate([values for _, values in floats]))
    points = pc.binary_join_element_wise(heads.take(times.indices), values, "")
    _, offsets, buffer = points.buffers()
    places = np.frombuffer(offsets, np.int32)[np.cumsum([0, *(len(times) for times, _ in floats)])].tolist()
    for one, begin, end in zip(series, places[:-1], places[1:], strict=True):
        head = b'{"metric":' + encode_labels(one.labels)
        points_part = b',"values":[' + buffer[begin + len('"],') : end].to_pybytes() + b'"]]' if end > begin else b""
        yield head + points_part + _encode_histograms(one).encode() + b"}"


def _float_points(series: Series) -> tuple[np.ndarray, np.ndarray]:
    if series.histograms is None:
        return series.times_ms, series.values
    floats = np.array([histogram is None for histogram in series.histograms], dtype=bool)
    return series.times_ms[floats], series.values[floats]


def _encode_histograms(series: Series) -> str:
    if series.histograms is None:
        return ""
    points = [
        f"[{format_time(time)},{encode_histogram(histogram)}]"
        for time, histogram in zip(series.times_ms.tolist(), series.histograms, strict=True)
        if histogram is not None
    ]
    return f',"histograms":[{",".join(points)}]' if points else ""


def _encode_vector(series: Sequence[Series]) -> Iterator[bytes]:
    times = format_times(np.array([one.times_ms[0] for one in series], dtype=np.int64)).to_pylist()
    values = format_floats(np.array([one.values[0] for one in series], dtype=np.float64)).to_pylist()
    samples = []
    for one, time, value in zip(series, times, values, strict=True):
        histogram = one.histograms[0] if one.histograms else None
        shown = f'"value":[{time},"{value}"]'
        if histogram is not None:
            shown = f'"histogram":[{time},{encode_histogram(histogram)}]'
        samples.append(b'{"metric":' + encode_labels(one.labels) + f",{shown}}}".encode())
    yield b"[" + b",".join(samples) + b"]"


def encode_histogram(histogram: Histogram) -> str:
    """`{"count", "sum", "buckets": [[boundaries, lower, upper, count]]}`; empty buckets are left out."""
    buckets = ",".join(
        f'[{_boundaries(lower, upper, histogram.is_custom)},"{format_float(lower)}","{format_float(upper)}",'
        f'"{format_float(count)}"]'
        for lower, upper, count in zip(*(side.tolist() for side in histogram.buckets()), strict=True)
        if count
    )
    shown = f',"buckets":[{buckets}]' if buckets else ""
    return f'{{"count":"{format_float(histogram.count)}","sum":"{format_float(histogram.sum)}"{shown}}}'


def _boundaries(lower: float, upper: float, custom: bool) -> int:
    """Which bounds belong to a bucket: 0 the upper, 1 the lower, 3 both. The zero bucket and the lowest have both."""
    if lower == (-np.inf if custom else -upper):
        return 3
    return 1 if lower < 0 and not custom else 0
