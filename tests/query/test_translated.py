"""OTLP metrics under the names, labels and values that Prometheus gives them, through the real engine."""

import asyncio
import secrets
import time
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.query.engine import engine, insert
from tests.query.telemetry import pairs
from traceo.query.sql import Scope, TimeRange
from traceo.query.translated import FLOAT_KINDS, select_exponential, select_floats
from traceo.store.base import Signal
from traceo.store.metric_types import NAME_BITS
from traceo.store.migrate import apply_naming, apply_promotion

NOW_NS = time.time_ns() // 10**9 * 10**9
RANGE = TimeRange(NOW_NS - 10**12, NOW_NS + 10**12)
DELTA, CUMULATIVE = 1, 2


@pytest.fixture
def tenant() -> str:
    return f"translated-{secrets.token_hex(4)}"


class Sender:
    """One request of one resource."""

    def __init__(self, **resource: Any) -> None:
        self.request = ExportMetricsServiceRequest()
        group = self.request.resource_metrics.add()
        group.resource.attributes.extend(pairs({name.replace("__", "."): value for name, value in resource.items()}))
        self.metrics = group.scope_metrics.add().metrics

    def gauge(self, name: str, unit: str = "", **attributes: Any) -> None:
        point = {"time_unix_nano": NOW_NS, "as_double": 1.5, "attributes": pairs(attributes)}
        self.metrics.add(name=name, unit=unit).gauge.data_points.add(**point)

    def sum(
        self, name: str, unit: str = "", monotonic: bool = True, temporality: int = 2, values: Sequence[int] = (1,)
    ) -> None:
        metric = self.metrics.add(name=name, unit=unit).sum
        metric.is_monotonic, metric.aggregation_temporality = monotonic, temporality
        for place, value in enumerate(values):
            metric.data_points.add(time_unix_nano=NOW_NS + place * 10**9, as_int=value)

    def store(self, tenant: str) -> None:
        insert(tenant, Signal.METRICS, self.request.SerializeToString())


def read(sql: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = asyncio.run(engine().query(sql, params)).to_pylist(maps_as_pydicts="strict")
    return rows


def label_sets(tenant: str) -> list[dict[str, Any]]:
    return read("SELECT metric, labels FROM label_sets WHERE tenant = {tenant:String}", {"tenant": tenant})


def floats(tenant: str) -> dict[str, list[float]]:
    """Values by series, in order of time; a stale point is None."""
    scope = Scope(tenant, RANGE)
    sets = scope.select("label_sets", "series_id, metric, labels", tail="LIMIT 1 BY series_id")
    sql = (
        f"SELECT * FROM ({select_floats(scope, FLOAT_KINDS, [])}) AS p JOIN ({sets}) AS s USING series_id ORDER BY time"
    )
    found: dict[str, list[Any]] = {}
    for row in read(sql, scope.params):
        name = row["metric"] + "".join(f" {key}={value}" for key, value in sorted(row["labels"].items()))
        found.setdefault(name, []).append(None if row["flags"] & 1 else row["value"])
    return found


@pytest.mark.parametrize(
    ("kind", "name", "unit", "translated"),
    [
        ("gauge", "system.filesystem.usage", "By", "system_filesystem_usage_bytes"),
        ("gauge", "system.filesystem.usage_bytes", "By", "system_filesystem_usage_bytes"),
        ("gauge", "a__b..c", "", "a_b_c"),
        ("gauge", "0number", "", "_0number"),
        ("gauge", "namespace:name", "", "namespace:name"),
        ("gauge", "speed", "m/s", "speed_meters_per_second"),
        ("gauge", "flow", "{packets}/s", "flow_per_second"),
        ("gauge", "queue", "{messages}", "queue"),
        ("gauge", "odd", "a b/c d", "odd_a_b_per_c_d"),
        ("gauge", "hit", "1", "hit_ratio"),
        ("gauge", "cache.ratio.hit", "1", "cache_hit_ratio"),
        ("gauge", "cpu", "%", "cpu_percent"),
        ("gauge", "gänse", "", "g_nse"),
        ("sum", "requests", "1", "requests_total"),
        ("sum", "total.requests", "", "requests_total"),
        ("sum", "sent", "By", "sent_bytes_total"),
        ("updown", "active", "1", "active"),
    ],
)
def test_names_are_those_of_the_specification(tenant: str, kind: str, name: str, unit: str, translated: str) -> None:
    sender = Sender(service__name="cart")
    if kind == "gauge":
        sender.gauge(name, unit)
    else:
        sender.sum(name, unit, monotonic=kind == "sum")
    sender.store(tenant)
    assert [row["metric"] for row in label_sets(tenant)] == [translated]


@pytest.mark.parametrize(
    ("strategy", "names", "labels"),
    [
        (
            "NoUTF8EscapingWithSuffixes",
            ["a__b..c", "disk.io_bytes_per_second", "hit_ratio", "http.requests_total", "0é_percent_total"],
            {"http.method", "service.name", "2nd"},
        ),
        (
            "UnderscoreEscapingWithoutSuffixes",
            ["a__b_c", "disk_io", "hit", "http_requests_total", "_0"],
            {"http_method", "service_name", "key_2nd"},
        ),
        (
            "NoTranslation",
            ["a__b..c", "disk.io", "hit", "http.requests.total", "0é"],
            {"http.method", "service.name", "2nd"},
        ),
    ],
)
def test_names_are_translated_as_the_setting_says(
    tenant: str, strategy: str, names: list[str], labels: set[str]
) -> None:
    sender = Sender(host__name="h1", service__instance__id="i")
    sender.gauge("a__b..c", **{"http.method": "GET", "service.name": "cart", "2nd": 2})
    sender.gauge("disk.io", "By/s")
    sender.gauge("hit", "1")
    sender.sum("http.requests.total")
    sender.sum("0é", "%")
    asyncio.run(apply_naming(engine(), strategy))
    try:
        sender.store(tenant)
    finally:
        asyncio.run(apply_naming(engine(), "UnderscoreEscapingWithSuffixes"))
    found = {row["metric"]: set(row["labels"]) for row in label_sets(tenant)}
    assert found.pop("target_info") == {"instance", "host.name" if "http.method" in labels else "host_name"}
    assert set(found) == set(names)
    assert found[names[0]] == {*labels, "instance"}


def test_series_of_one_metric_lie_together(tenant: str) -> None:
    for number in range(5):
        sender = Sender(service__name=f"cart-{number}", host__name="h1")
        sender.gauge("load", disk=number)
        add_histogram(sender, CUMULATIVE, [(1, 2, 3)], (0.5, 10.0))
        sender.store(tenant)
    for table, metrics in (("samples", 2), ("histograms", 1)):  # target_info has samples, too
        columns = f"uniqExact(bitShiftRight(series_id, {64 - NAME_BITS})) AS starts, uniqExact(series_id) AS ids"
        sql = f"SELECT {columns} FROM {table} WHERE tenant = {{tenant:String}}"
        assert read(sql, {"tenant": tenant}) == [{"starts": metrics, "ids": 5 * metrics}]


def test_attributes_become_labels(tenant: str) -> None:
    sender = Sender(service__namespace="shop", service__name="cart", service__instance__id="cart-1", host__name="h1")
    attributes = {"http.method": "GET", "http_method": "also", "2nd": 2, "_x": True, "ratio": 0.5, "empty": ""}
    sender.gauge("load", **attributes, minus=-7, large=1 << 40)
    sender.store(tenant)
    job = {"job": "shop/cart", "instance": "cart-1"}
    expected = {"http_method": "GET;also", "key_2nd": "2", "key_x": "true", "ratio": "0.5", "minus": "-7"}
    expected["large"] = str(1 << 40)
    found = {row["metric"]: row["labels"] for row in label_sets(tenant)}
    assert found == {"load": {**expected, **job}, "target_info": {"host_name": "h1", **job}}


def test_target_info_is_one_at_the_time_of_the_points(tenant: str) -> None:
    sender = Sender(service__name="cart", host__name="h1")
    sender.sum("requests", values=(1, 2))
    sender.store(tenant)
    sql = """
    SELECT toUnixTimestamp64Nano(time) AS ns, value FROM samples WHERE tenant = {tenant:String} AND series_id IN
        (SELECT source_id FROM label_sets WHERE tenant = {tenant:String} AND metric = 'target_info')
    """
    assert read(sql, {"tenant": tenant}) == [{"ns": NOW_NS + 10**9, "value": 1.0}]


def test_promoted_resource_attributes_are_labels_of_every_series(tenant: str) -> None:
    asyncio.run(apply_promotion(engine(), ("k8s.pod.name",)))
    try:
        sender = Sender(service__name="cart", k8s__pod__name="cart-7", host__name="h1")
        sender.gauge("load")
        sender.store(tenant)
    finally:
        asyncio.run(apply_promotion(engine(), ()))
    found = {row["metric"]: row["labels"] for row in label_sets(tenant)}
    assert found["load"] == {"job": "cart", "k8s.pod.name".replace(".", "_"): "cart-7"}


def add_histogram(sender: Sender, temporality: int, counts: Sequence[Sequence[int]], bounds: Sequence[float]) -> None:
    metric = sender.metrics.add(name="latency", unit="s").histogram
    metric.aggregation_temporality = temporality
    for place, buckets in enumerate(counts):
        point = metric.data_points.add(time_unix_nano=NOW_NS + place * 10**9, count=sum(buckets), sum=float(place + 1))
        point.bucket_counts.extend(buckets)
        point.explicit_bounds.extend(bounds)


def test_histogram_is_buckets_sum_and_count(tenant: str) -> None:
    sender = Sender()
    add_histogram(sender, CUMULATIVE, [(1, 2, 3), (2, 4, 6)], (0.5, 10.0))
    sender.metrics[0].histogram.data_points.add(time_unix_nano=NOW_NS + 2 * 10**9, flags=1)
    sender.store(tenant)
    assert floats(tenant) == {
        "latency_seconds_bucket le=0.5": [1.0, 2.0, None],
        "latency_seconds_bucket le=10": [3.0, 6.0, None],
        "latency_seconds_bucket le=+Inf": [6.0, 12.0, None],
        "latency_seconds_sum": [1.0, 2.0, None],
        "latency_seconds_count": [6.0, 12.0, None],
    }


def test_histogram_whose_bounds_change_has_the_new_buckets_too(tenant: str) -> None:
    for bounds in ((0.5, 10.0), (0.5, 20.0)):
        sender = Sender()
        add_histogram(sender, CUMULATIVE, [(1, 2, 3)], bounds)
        sender.store(tenant)
    found = sorted(row["labels"]["le"] for row in label_sets(tenant) if "le" in row["labels"])
    assert sorted(set(found)) == ["+Inf", "0.5", "10", "20"]


def test_delta_points_become_running_sums(tenant: str) -> None:
    sender = Sender()
    sender.sum("requests", temporality=DELTA, values=(5, 0, 7))
    add_histogram(sender, DELTA, [(1, 2, 3), (1, 0, 0)], (0.5, 10.0))
    sender.store(tenant)
    found = floats(tenant)
    assert found["requests_total"] == [5.0, 5.0, 12.0]
    assert found["latency_seconds_bucket le=10"] == [3.0, 4.0]
    assert found["latency_seconds_sum"] == [1.0, 3.0]


def test_summary_is_quantiles_sum_and_count(tenant: str) -> None:
    sender = Sender()
    point = sender.metrics.add(name="rpc", unit="ms").summary.data_points.add(time_unix_nano=NOW_NS, count=4, sum=10.0)
    point.quantile_values.add(quantile=0.5, value=2.0)
    point.quantile_values.add(quantile=0.99, value=4.0)
    sender.store(tenant)
    assert floats(tenant) == {
        "rpc_milliseconds quantile=0.5": [2.0],
        "rpc_milliseconds quantile=0.99": [4.0],
        "rpc_milliseconds_sum": [10.0],
        "rpc_milliseconds_count": [4.0],
    }


def read_exponential(tenant: str) -> list[dict[str, Any]]:
    scope = Scope(tenant, RANGE)
    return read(f"SELECT * FROM ({select_exponential(scope, [])}) ORDER BY time", scope.params)


def add_exponential(sender: Sender, temporality: int, scales: Sequence[int]) -> None:
    metric = sender.metrics.add(name="size", unit="By").exponential_histogram
    metric.aggregation_temporality = temporality
    for place, scale in enumerate(scales):
        at = NOW_NS + place * 10**9
        point = metric.data_points.add(time_unix_nano=at, count=7, sum=3.0, scale=scale, zero_count=1)
        point.positive.offset, point.negative.offset = -1, 2
        point.positive.bucket_counts.extend([1, 0, 2])
        point.negative.bucket_counts.extend([3])


def test_exponential_histogram_is_a_native_one(tenant: str) -> None:
    sender = Sender()
    add_exponential(sender, CUMULATIVE, [3, 9, -5])
    sender.store(tenant)
    first, second = read_exponential(tenant)  # the third is too coarse
    assert (first["schema"], first["count"], first["sum"], first["zero_count"]) == (3, 7.0, 3.0, 1.0)
    assert (first["positive_indexes"], first["positive_counts"]) == ([0, 2], [1.0, 2.0])
    assert (first["negative_indexes"], first["negative_counts"]) == ([3], [3.0])
    assert first["zero_threshold"] == 1e-128
    assert (second["schema"], second["positive_indexes"], second["positive_counts"]) == (8, [0, 1], [1.0, 2.0])


def test_delta_exponential_histograms_become_running_sums(tenant: str) -> None:
    sender = Sender()
    add_exponential(sender, DELTA, [3, 3])
    sender.store(tenant)
    last = read_exponential(tenant)[-1]
    assert (last["count"], last["sum"], last["positive_counts"], last["negative_counts"]) == (
        14.0,
        6.0,
        [2.0, 4.0],
        [6.0],
    )
