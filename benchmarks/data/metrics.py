"""Points of 20 000 series every 15 s: 6 counters and 2 gauges of 320 pods, 5 resource and 4 to 5 point attributes."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.data import SERVICES, Keep
from benchmarks.data.wire import attribute, block, pack_double, pack_fixed64, resource, tag_fixed64, text, whole

PER_REQUEST = 2000
SERIES = 20_000
STEP_NS = 15 * 10**9
PODS = 320
NAMES = (
    "http_requests_total", "http_request_duration_seconds_bucket", "process_cpu_seconds_total",
    "go_memstats_alloc_bytes", "container_network_receive_bytes_total", "container_memory_working_set_bytes",
    "grpc_server_handled_total", "http_response_size_bytes_sum",
)  # fmt: skip
GAUGES = frozenset(("go_memstats_alloc_bytes", "container_memory_working_set_bytes"))
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf")
INCREMENTS = (0, 0, 1, 3, 17, 120)
START, TIME, VALUE = tag_fixed64(2), tag_fixed64(3), tag_fixed64(4)
CUMULATIVE_MONOTONIC = whole(2, 2) + whole(3, 1)
SCOPE = block(1, text(1, "bench"))


@dataclass(slots=True)
class Series:
    """One series: what its points begin with, where it is, how it moves."""

    head: bytes
    gauge: bool
    step: int
    value: float


Pod = tuple[bytes, dict[str, list[Series]]]  # its resource, and its series by metric


def metrics(items: int, start_ns: int, end_ns: int, seed: int, keep: Keep) -> Iterator[bytes]:
    """ExportMetricsServiceRequest bodies of about PER_REQUEST points; the last step is at `end_ns`. Keeps nothing."""
    rnd = random.Random(seed)
    steps = items // SERIES
    first_ns = end_ns - (steps - 1) * STEP_NS
    pods = _make_series(rnd, first_ns)
    per_request = PODS * PER_REQUEST // SERIES
    for step in range(steps):
        stamp = TIME + pack_fixed64(first_ns + step * STEP_NS) + VALUE
        for at in range(0, PODS, per_request):
            yield b"".join(_pod_points(rnd, pods[at : at + per_request], stamp))


def _make_series(rnd: random.Random, started_ns: int) -> list[Pod]:
    """Each pod's resource and its series by metric."""
    pods: list[Pod] = [(_resource(pod), {name: [] for name in NAMES}) for pod in range(PODS)]
    for number in range(SERIES):
        name = NAMES[number // PODS % len(NAMES)]
        labels = {
            "code": ("200", "404", "500")[number // (PODS * 8) % 3], "route": f"/api/v1/r{number // (PODS * 24) % 50}",
            "method": ("GET", "POST")[number // (PODS * 8) % 2], "uid": str(number),
        }  # fmt: skip
        if name.endswith("_bucket"):
            labels["le"] = BOUNDS[number // (PODS * 8) % len(BOUNDS)]
        gauge = name in GAUGES
        started = b"" if gauge else START + pack_fixed64(started_ns)
        head = b"".join(attribute(7, key, value) for key, value in labels.items()) + started
        pods[number % PODS][1][name].append(Series(head, gauge, rnd.choice(INCREMENTS), float(rnd.randrange(10**6))))
    return pods


def _pod_points(rnd: random.Random, pods: list[Pod], stamp: bytes) -> Iterator[bytes]:
    for head, by_name in pods:
        made = (_metric(rnd, name, rows, stamp) for name, rows in by_name.items() if rows)
        yield block(1, head + block(2, SCOPE + b"".join(made)))


def _metric(rnd: random.Random, name: str, rows: list[Series], stamp: bytes) -> bytes:
    points = []
    for row in rows:
        if row.gauge:
            row.value += int(rnd.random() * 8193) - 4096
        elif row.step:
            row.value += int(rnd.random() * (row.step + 1))
        points.append(block(1, row.head + stamp + pack_double(row.value)))
    if name in GAUGES:
        return block(2, text(1, name) + block(5, b"".join(points)))
    return block(2, text(1, name) + block(7, b"".join(points) + CUMULATIVE_MONOTONIC))


def _resource(pod: int) -> bytes:
    service = SERVICES[pod % len(SERVICES)]
    place = pod // len(SERVICES)
    return resource({
        "service.name": service, "service.instance.id": f"10.0.{place // 16}.{place % 16 + 10}:9100",
        "k8s.pod.name": f"{service}-6c8d7f5b9-{place:05x}", "k8s.namespace.name": "shop-prod",
        "k8s.cluster.name": "eu-west-1a",
    })  # fmt: skip
