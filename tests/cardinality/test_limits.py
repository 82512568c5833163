"""A tenant with as many series as it may have: new ones are refused by name, all else goes on."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.query.engine import engine
from tests.query.telemetry import pairs
from tests.receivers.prometheus_messages import write_request
from traceo.cardinality.limits import EMPTY, SeriesGuard
from traceo.config import Limits
from traceo.receivers.plain_write import PlainReader
from traceo.store.base import Outcome, Request, Signal

NOW_MS = time.time_ns() // 10**6
LIMITS = Limits(max_series=3, max_labels=4, max_label_name=10, max_label_value=12)


@pytest.fixture
def guard() -> Iterator[SeriesGuard]:
    guard = SeriesGuard(engine(), LIMITS)
    asyncio.run(guard.begin())
    yield guard
    for statement in ("TRUNCATE TABLE limits", *EMPTY):
        asyncio.run(engine().execute(statement))


def write(tenant: str, *labels: dict[str, str]) -> Outcome:
    """Remote write, one sample for each series, in the way that the engine judges."""
    body = write_request(*(({"__name__": "m", **one}, [(1.0, NOW_MS)]) for one in labels)).SerializeToString()
    (outcome,) = asyncio.run(engine().insert(Signal.REMOTE_WRITE, [Request(tenant, body)]))
    return outcome


def count(table: str, tenant: str) -> int:
    sql = f"SELECT count() AS n FROM {table} WHERE tenant = {{tenant:String}}"
    return int(asyncio.run(engine().query(sql, {"tenant": tenant}))["n"][0].as_py())


def test_new_series_of_a_full_tenant_are_refused_and_known_ones_go_on(guard: SeriesGuard) -> None:
    known = [{"n": str(number)} for number in range(3)]
    assert write("full", *known).rejected == 0
    assert write("other", {"n": "0"}).rejected == 0
    assert not guard.is_full("full")
    asyncio.run(guard.look())
    assert guard.is_full("full") and not guard.is_full("other")
    outcome = write("full", *known, {"n": "new"}, {"n": "newer"})
    assert outcome.rejected == 2
    assert outcome.reason == "it is new, and the tenant has as many series today as it may: 3 (limits.max_series)"
    assert (count("samples", "full"), count("label_sets", "full")) == (6, 3)
    assert write("other", {"n": "1"}, {"n": "2"}).rejected == 0


def export(tenant: str, *attributes: dict[str, str]) -> Outcome:
    """OTLP: a gauge, a sum and a histogram, each with a point for each set of attributes."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(pairs({"service.name": "cart"}))
    metrics = group.scope_metrics.add().metrics
    for one in attributes:
        point = {"time_unix_nano": NOW_MS * 10**6, "attributes": pairs(one)}
        metrics.add(name="load").gauge.data_points.add(as_double=1.5, **point)
        metrics.add(name="requests").sum.data_points.add(as_int=1, **point)
        metrics.add(name="latency").histogram.data_points.add(count=0, **point)
    (outcome,) = asyncio.run(engine().insert(Signal.METRICS, [Request(tenant, request.SerializeToString())]))
    return outcome


def test_new_series_of_otlp_are_refused_with_the_metrics_name(guard: SeriesGuard) -> None:
    assert export("otlp-full", {"n": "0"}).rejected == 0
    assert export("otlp-other", {"n": "0"}).rejected == 0
    before = count("label_sets", "otlp-full")
    asyncio.run(guard.look())
    assert guard.is_full("otlp-full")
    outcome = export("otlp-full", {"n": "0"}, {"n": "new"}, {"n": "newer"})
    assert outcome.rejected == 6
    limit = ": a series is new, and the tenant has as many series today as it may: 3 (limits.max_series)"
    assert outcome.reason in {f"3 metrics, such as {name}{limit}" for name in ("load", "requests", "latency")}
    assert (count("samples", "otlp-full"), count("histograms", "otlp-full")) == (4, 2)
    assert count("label_sets", "otlp-full") == before
    assert export("otlp-full", {"n": "0"}).rejected == 0
    assert count("samples", "otlp-other") == 2


def test_forgotten_series_are_not_lost(guard: SeriesGuard) -> None:
    known = [{"n": str(number)} for number in range(3)]
    write("forgetful", *known)
    asyncio.run(guard.look())
    asyncio.run(engine().execute("TRUNCATE TABLE seen"))  # as after a failed insert
    assert write("forgetful", *known).rejected == 0


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"a": "1", "b": "2", "c": "3"}, ""),
        ({"a": "1", "b": "2", "c": "3", "d": "4"}, "it has more than 4 labels (limits.max_labels)"),
        ({"a23456789_": "1"}, ""),
        ({"a23456789_1": "1"}, "a label's name is longer than 10 bytes (limits.max_label_name)"),
        ({"a": "é" * 6}, ""),
        ({"a": "é" * 6 + "x"}, "a label's value is longer than 12 bytes (limits.max_label_value)"),
        ({"a": "x" * (1 << 20)}, "a label's value is longer than 12 bytes (limits.max_label_value)"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_labels_beyond_the_limits_are_refused(guard: SeriesGuard, labels: dict[str, str], reason: str) -> None:
    outcome = write("labels", labels, {"n": "good"})
    assert (outcome.rejected, outcome.reason) == (1 if reason else 0, reason)
    body = write_request(({"__name__": "m", **labels}, [(1.0, NOW_MS)])).SerializeToString()
    if reason:  # must not be answered before the engine has judged it
        assert PlainReader(LIMITS).read("labels", body) is None
