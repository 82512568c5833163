"""Native histograms on their way into remote-write requests, and the stale markers of those that are gone."""

from collections.abc import Callable, Sequence

from traceo.scraping.protobuf import NativeSample
from traceo.scraping.wire.exposed_pb2 import Histogram as ExposedHistogram
from traceo.scraping.wire.written_pb2 import BucketSpan, Histogram
from traceo.scraping.write import STALE, field

GAUGE = 3  # of remote write's reset hints; 0 is "unknown"

Known = dict[bytes, bytes | None]


class NativeHistograms:
    """One target's. `encode` is asked for the labels of each new series; None: relabelling drops it.

    `before`: of the same target under another configuration; what it alone had becomes stale.
    """

    def __init__(
        self,
        encode: Callable[[bytes], bytes | None],
        *,
        track_timed: bool = False,
        before: "NativeHistograms | None" = None,
    ) -> None:
        self._encode = encode
        self._track_timed = track_timed
        self._known: Known = {}
        self._live: set[bytes] = set(before._live) if before else set()

    def find_labels(self, found: Sequence[NativeSample]) -> Known:
        """Encoded labels of an answer's series; changes nothing."""
        texts = {row.series for row in found}
        return {text: self._known[text] if text in self._known else self._encode(text) for text in texts}

    def count_new(self, labels: Known) -> int:
        """How many of these series are stored and were not in the last answer."""
        return sum(own is not None and text not in self._known for text, own in labels.items())

    def take(self, found: Sequence[NativeSample], labels: Known, time_ms: int, honor_timestamps: bool) -> bytes:
        """A request with an answer's histograms, and markers for those that it no longer has."""
        written: dict[tuple[bytes, int], bytes] = {}
        live = set()
        for row in found:
            own = labels[row.series]
            if own is None:
                continue
            is_timed = honor_timestamps and row.time_ms is not None
            at = row.time_ms if is_timed and row.time_ms is not None else time_ms
            written.setdefault((own, at), _write(own, _convert(row.histogram, row.is_gauge, at)))
            if self._track_timed or not is_timed:
                live.add(own)
        gone = self._live - {own for own, _ in written}
        self._known, self._live = labels, live
        return b"".join(written.values()) + _stale(gone, time_ms)

    def fail(self, time_ms: int) -> bytes:
        """Markers for all."""
        gone, self._live = self._live, set()
        return _stale(gone, time_ms)


def _stale(gone: set[bytes], time_ms: int) -> bytes:
    marker = Histogram(count_int=0, sum=float(STALE), timestamp=time_ms)
    return b"".join([_write(labels, marker) for labels in sorted(gone)])


def _write(labels: bytes, histogram: Histogram) -> bytes:
    return field(1, labels + field(4, histogram.SerializeToString()))


def _convert(found: ExposedHistogram, is_gauge: bool, time_ms: int) -> Histogram:
    """The same histogram as remote write has it: counts are whole numbers, or floats if any of them is one."""
    converted = Histogram(
        sum=found.sample_sum,
        schema=found.schema,
        zero_threshold=found.zero_threshold,
        reset_hint=GAUGE if is_gauge else 0,
        timestamp=time_ms,
        positive_spans=[BucketSpan(offset=span.offset, length=span.length) for span in found.positive_span],
        negative_spans=[BucketSpan(offset=span.offset, length=span.length) for span in found.negative_span],
    )
    if found.sample_count_float > 0 or found.zero_count_float > 0:
        converted.count_float, converted.zero_count_float = found.sample_count_float, found.zero_count_float
        converted.positive_counts.extend(found.positive_count)
        converted.negative_counts.extend(found.negative_count)
    else:
        converted.count_int, converted.zero_count_int = found.sample_count, found.zero_count
        converted.positive_deltas.extend(found.positive_delta)
        converted.negative_deltas.extend(found.negative_delta)
    return converted
