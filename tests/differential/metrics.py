"""Series for the comparison with Prometheus, always the same: counters with resets, gauges, classic histograms, gaps.

Two habits keep known differences between Prometheus 2 and 3 out (the list in `test_promql.py`): no sample lies on a
whole second, so that none is on the edge of a window; and counters begin, and begin again, far from zero.
"""

import random
import struct
from collections.abc import Iterator
from itertools import accumulate, product

from tests.receivers.prometheus_messages import write_request

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
START_S = 1_772_798_400  # 2026-03-06 12:00 UTC: a fixed time, so that a seed means the same queries and answers
STEP_MS, POINTS, OFF_SECOND_MS = 15_000, 160, 137
END_S = START_S + STEP_MS * POINTS // 1000
BOUNDS = ("0.1", "0.5", "1", "5", "+Inf")
Points = list[tuple[float, int]]
Series = tuple[dict[str, str], Points]


def all_series() -> list[Series]:
    """Labels with the name, and points as (value, milliseconds)."""
    rng = random.Random(1)
    makers = (_counters, _gauges, _histograms, _odd, _broken)
    return [({"__name__": name, **labels}, points) for make in makers for name, labels, points in make(rng)]


def requests(slices: int = 4) -> Iterator[bytes]:
    """Bodies of remote write, in order of time: Prometheus refuses what is older than an hour."""
    series, size = all_series(), STEP_MS * POINTS // slices
    for number in range(slices):
        start = START_S * 1000 + number * size
        parts = [(labels, [p for p in points if start <= p[1] < start + size]) for labels, points in series]
        yield write_request(*(part for part in parts if part[1])).SerializeToString()


def _timed(rng: random.Random, values: list[float]) -> Points:
    """With the jitter of a scrape."""
    shift = rng.randrange(14) * 1000
    times = (START_S * 1000 + n * STEP_MS + shift + OFF_SECOND_MS for n in range(POINTS))
    return list(zip(values, times, strict=False))


def _counter(rng: random.Random, growth: int) -> list[float]:
    """Eighths, so that sums are exact in any order; now and then reset."""
    value, values = float(growth * 40), []
    for _ in range(POINTS):
        value = growth * 30.0 if rng.random() < 0.02 else value + rng.randrange(8 * growth) / 8
        values.append(value)
    return values


def _counters(rng: random.Random) -> Iterator[tuple[str, dict[str, str], Points]]:
    for number, (job, instance, code) in enumerate(product(("api", "web"), ("i0", "i1", "i2"), ("200", "404", "500"))):
        labels = {"job": job, "instance": instance, "code": code}
        yield "requests_total", labels, _timed(rng, _counter(rng, number + 3))
        if code == "500" and instance != "i2":
            yield "errors_total", {"job": job, "instance": instance}, _timed(rng, _counter(rng, number + 2))


def _gauges(rng: random.Random) -> Iterator[tuple[str, dict[str, str], Points]]:
    for job, instance in product(("api", "web", "db"), ("i0", "i1", "i2")):
        labels = {"job": job, "instance": instance}
        yield "memory_bytes", labels, _timed(rng, [rng.randrange(1 << 20) / 8 for _ in range(POINTS)])
        yield (
            "temperature",
            {**labels, "room": f"r-{instance}"},
            _timed(rng, [rng.randrange(-400, 400) / 8 for _ in range(POINTS)]),
        )
    for number, job in enumerate(("api", "web", "db")):
        yield "limit", {"job": job, "team": f"t{number % 2}"}, _timed(rng, [float(number + 1)] * POINTS)


def _histograms(rng: random.Random) -> Iterator[tuple[str, dict[str, str], Points]]:
    for job, instance in product(("api", "web"), ("i0", "i1")):
        labels, shift = {"job": job, "instance": instance}, random.Random(rng.random())
        state = shift.getstate()
        steps = [[float(rng.randrange(1, 9)) for _ in BOUNDS] for _ in range(POINTS)]
        totals = list(accumulate(steps, lambda a, b: [x + y for x, y in zip(a, b, strict=True)], initial=[500.0] * 5))[
            1:
        ]
        for place, bound in enumerate(BOUNDS):
            shift.setstate(state)
            yield "latency_bucket", {**labels, "le": bound}, _timed(shift, [sum(t[: place + 1]) for t in totals])
        shift.setstate(state)
        yield "latency_count", labels, _timed(shift, [sum(t) for t in totals])
        shift.setstate(state)
        yield "latency_sum", labels, _timed(shift, [sum(t) * 0.25 for t in totals])
    for bound, value in (("1", 5.0), ("2", 4.0), ("x", 7.0), ("3", 9.0)):  # no +Inf, falls, and no number
        yield "lame_bucket", {"le": bound}, _timed(rng, [value] * POINTS)


def _odd(rng: random.Random) -> Iterator[tuple[str, dict[str, str], Points]]:
    inf, nan = float("inf"), float("nan")
    kinds = {"nan": [nan], "inf": [inf], "minus": [-inf], "zero": [0.0], "mixed": [1.0, nan, -2.5, inf, 0.0, -inf]}
    for kind, values in kinds.items():
        yield "odd", {"kind": kind}, _timed(rng, [rng.choice(values) for _ in range(POINTS)])
    yield "odd", {"kind": 'é "quoted" \\'}, _timed(rng, [1.5] * POINTS)


def _broken(rng: random.Random) -> Iterator[tuple[str, dict[str, str], Points]]:
    """Gaps longer than the lookback, stale markers, series that begin late and end early."""
    for number in range(4):
        points = _timed(rng, [rng.randrange(800) / 8 for _ in range(POINTS)])
        yield "sparse", {"n": str(number)}, [p for place, p in enumerate(points) if place * 7 // (20 + 9 * number) % 3]
        marked = [(STALE if place % (11 + number) == 3 else value, time) for place, (value, time) in enumerate(points)]
        yield "flapping", {"n": str(number)}, marked
    yield "late", {"n": "0"}, _timed(rng, [float(n % 17) for n in range(POINTS)])[100:]
    yield "ended", {"n": "0"}, _timed(rng, [float(n % 13) for n in range(POINTS)])[:60]
