"""Samples of 20 000 series every 15 s, as Prometheus sends them: remote write 1.0, snappy, 10 to 11 labels a series."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from cramjam import snappy

from benchmarks.data import SERVICES, Keep
from benchmarks.data.metrics import BOUNDS, GAUGES, INCREMENTS, NAMES, SERIES, STEP_NS
from benchmarks.data.wire import block, pack_double, text, varint

PER_REQUEST = 2000
SERIES_PER_POD = 500
SHARDS = 4  # Prometheus gives each series to one of its senders
SAMPLE_BYTES, TIME_BYTES = 18, 6


@dataclass(frozen=True, slots=True)
class Template:
    """A request that is sent again and again: its bytes, which series it has, where their values and times stand."""

    data: npt.NDArray[np.uint8]
    series: npt.NDArray[np.intp]
    values: npt.NDArray[np.intp]
    times: npt.NDArray[np.intp]


def samples(items: int, start_ns: int, end_ns: int, seed: int, keep: Keep) -> Iterator[bytes]:
    """Compressed WriteRequest bodies of PER_REQUEST samples; the last step is at `end_ns`. Keeps nothing."""
    return sweeps(SERIES, items // SERIES, end_ns, seed)


def sweeps(series: int, steps: int, end_ns: int, seed: int) -> Iterator[bytes]:
    """The same of so many series: each once a step, in ceil(series / PER_REQUEST) bodies or a few more."""
    random = np.random.default_rng(seed)
    pods = max(40, series // SERIES_PER_POD)
    templates = [_make_template(part, pods) for shard in range(SHARDS) for part in _parts(shard, series)]
    is_gauge = np.array([NAMES[number % len(NAMES)] in GAUGES for number in range(series)])
    values = random.integers(0, 1_000_000, series).astype("<f8")
    increments = random.choice(INCREMENTS, series)
    for step in range(steps):
        values += np.where(is_gauge, random.integers(-4096, 4097, series), random.integers(0, increments + 1))
        time_ms = (end_ns - (steps - 1 - step) * STEP_NS) // 10**6
        for template in templates:
            template.data[template.values] = values[template.series].view(np.uint8).reshape(-1, 8)
            template.data[template.times] = np.frombuffer(varint(time_ms), np.uint8)
            yield bytes(snappy.compress_raw(template.data))


def _parts(shard: int, series: int) -> Iterator[range]:
    """The series of each request of a shard."""
    for first in range(shard, series, SHARDS * PER_REQUEST):
        yield range(first, min(first + SHARDS * PER_REQUEST, series), SHARDS)


def _make_template(series: range, pods: int) -> Template:
    sample = block(2, b"\x09" + pack_double(0) + b"\x10" + varint(1 << 7 * (TIME_BYTES - 1)))
    parts = [block(1, _encode_labels(number, pods) + sample) for number in series]
    ends = np.cumsum([len(part) for part in parts])
    return Template(
        np.frombuffer(b"".join(parts), np.uint8).copy(),
        np.array(series),
        (ends - SAMPLE_BYTES + 3)[:, None] + np.arange(8),
        (ends - TIME_BYTES)[:, None] + np.arange(TIME_BYTES),
    )


def _encode_labels(number: int, pods: int) -> bytes:
    name, job, pod = NAMES[number % 8], SERVICES[number // 8 % 8], number // 64 % pods
    labels = {
        "__name__": name, "job": job, "instance": f"10.0.{pod // 16}.{pod % 16 + 10}:9100",
        "pod": f"{job}-7d9f8b6c5-{pod:05x}", "namespace": "shop-prod", "cluster": "eu-west-1a",
        "code": ("200", "404", "500")[number // 2560 % 3], "route": f"/api/v1/r{number // 7680 % 50}", "method": "GET",
        "uid": str(number),
    }  # fmt: skip
    if name.endswith("_bucket"):
        labels["le"] = BOUNDS[number // 64 % len(BOUNDS)]
    return b"".join(block(1, text(1, key) + text(2, value)) for key, value in sorted(labels.items()))
