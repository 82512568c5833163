"""What a scraper wrote, as the receiver of its requests reads it."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from traceo.scraping.wire.written_pb2 import WriteRequest

STALE = "stale"
STALE_BITS = struct.pack("<Q", 0x7FF0000000000002)


@dataclass
class Received:
    """Requests, taken apart. Series are named as in Prometheus: `name{label="value"}`."""

    samples: list[tuple[str, Any, int]] = field(default_factory=list)
    exemplars: list[tuple[str, str, float, int]] = field(default_factory=list)
    histograms: list[tuple[str, Any]] = field(default_factory=list)
    metadata: dict[str, tuple[int, str, str]] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """The last value of each series, STALE for a stale marker."""
        return {series: value for series, value, _ in self.samples}


def read_requests(requests: Iterable[bytes]) -> Received:
    found = Received()
    for request in requests:
        message = WriteRequest.FromString(request)
        for series in message.timeseries:
            name = show(series.labels)
            found.samples += [(name, as_value(sample.value), sample.timestamp) for sample in series.samples]
            found.exemplars += [(name, show(e.labels), e.value, e.timestamp) for e in series.exemplars]
            found.histograms += [(name, histogram) for histogram in series.histograms]
        for row in message.metadata:
            found.metadata[row.metric_family_name] = (row.type, row.help, row.unit)
    return found


def as_value(number: float) -> Any:
    return STALE if struct.pack("<d", number) == STALE_BITS else number


def show(labels: Any) -> str:
    pairs = [(label.name, label.value) for label in labels]
    assert pairs == sorted(pairs), "labels MUST be sorted"
    assert len(dict(pairs)) == len(pairs) and all(value for _, value in pairs)
    name = dict(pairs).get("__name__", "")
    inner = ",".join(f'{key}="{value}"' for key, value in pairs if key != "__name__")
    return f"{name}{{{inner}}}" if inner else name
