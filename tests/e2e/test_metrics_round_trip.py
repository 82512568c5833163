"""Points of all five metric types come back as they were sent."""

import time
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar, ExponentialHistogramDataPoint, SummaryDataPoint

from tests.e2e.expected import exact, key_values, shown_double, shown_exemplar, shown_map
from tests.e2e.server import RunningServer

NOW_NS = time.time_ns()
ALL_TIME = {"start": "1971-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}
ATTRIBUTES = {"text": "é", "": "empty key", "zero": 0, "false": False, "minus": -1, "list": [1, ""], "x" * 200: "long"}
NUMBERS: dict[str, int | float] = {
    "zero": 0,
    "int max": (1 << 63) - 1,
    "int min": -(1 << 63),
    "beyond double": (1 << 53) + 1,
    "minus beyond double": -(1 << 53) - 1,
    "near the top": (1 << 63) - 512,
    "zero double": 0.0,
    "minus zero": -0.0,
    "whole double": 2.0,
    "double of an int's size": -(2.0**63),
    "double beyond all ints": 2.0**63,
    "tiny": 5e-324,
    "nan": float("nan"),
    "inf": float("inf"),
    "minus inf": float("-inf"),
}
EXEMPLARS = [
    Exemplar(time_unix_nano=NOW_NS, as_int=(1 << 53) + 1, filtered_attributes=key_values(ATTRIBUTES)),
    Exemplar(time_unix_nano=NOW_NS + 1, as_double=-0.0, trace_id=b"\x01" * 16, span_id=b"\x02" * 8),
]
NO_VALUE = 1  # DataPointFlags: the series became stale


def send(server: RunningServer, tenant: str, request: ExportMetricsServiceRequest) -> list[dict[str, Any]]:
    """The series of metric `m`, once it was sent."""
    server.send("metrics", request, tenant)
    series: list[dict[str, Any]] = server.get("metrics/points", tenant, name="m", **ALL_TIME)["series"]
    return series


def new_metric(**fields: Any) -> tuple[ExportMetricsServiceRequest, Any]:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add(schema_url="https://opentelemetry.io/schemas/1.37.0")
    group.resource.attributes.extend(key_values({"service.name": "cart"}))
    return request, group.scope_metrics.add().metrics.add(name="m", **fields)


def point(number: int = 0, **fields: Any) -> dict[str, Any]:
    return {"time_unix_nano": NOW_NS + number, "start_time_unix_nano": NOW_NS - 10**9, **fields}


def shown_times(number: int = 0, flags: int = 0) -> dict[str, Any]:
    return {"time_ns": NOW_NS + number, "start_time_ns": NOW_NS - 10**9, "flags": flags}


def as_number(value: float) -> dict[str, float]:
    return {"as_int" if isinstance(value, int) else "as_double": value}


@pytest.mark.parametrize("kind", ["gauge", "sum"])
def test_numbers_come_back(server: RunningServer, tenant: str, kind: str) -> None:
    request, metric = new_metric(unit="By", description="what it counts")
    for name, value in NUMBERS.items():
        attributes = key_values({"case": name})
        getattr(metric, kind).data_points.add(**point(**as_number(value)), attributes=attributes)
    series = {found["attributes"]["case"]: found for found in send(server, tenant, request)}
    shown = {name: found["points"] for name, found in series.items()}
    wanted = {
        name: [shown_times() | {"value": shown_double(value) if isinstance(value, float) else value}]
        for name, value in NUMBERS.items()
    }
    assert exact(shown) == exact(wanted)
    assert {name for name, found in series.items() if found["integer"]} == {
        name for name, value in NUMBERS.items() if isinstance(value, int)
    }
    (listed,) = server.get("metrics", tenant, **ALL_TIME)["metrics"]
    assert (listed["type"], listed["unit"], listed["description"]) == (kind, "By", "what it counts")


TEMPORALITIES = {1: "delta", 2: "cumulative"}


@pytest.mark.parametrize("temporality", TEMPORALITIES)
@pytest.mark.parametrize("monotonic", [True, False])
def test_kind_of_sum_comes_back(server: RunningServer, tenant: str, temporality: int, monotonic: bool) -> None:
    request, metric = new_metric()
    metric.sum.aggregation_temporality, metric.sum.is_monotonic = temporality, monotonic
    metric.sum.data_points.add(**point(as_int=1), attributes=key_values(ATTRIBUTES), exemplars=EXEMPLARS)
    (series,) = send(server, tenant, request)
    assert (series["temporality"], series["monotonic"]) == (TEMPORALITIES[temporality], monotonic)
    assert exact(series["attributes"]) == exact(shown_map(key_values(ATTRIBUTES)))
    shown = [shown_exemplar(exemplar) for exemplar in EXEMPLARS]
    shown[0] |= {"trace_id": bytes(16).hex(), "span_id": bytes(8).hex()}  # stored as no id
    assert exact(series["exemplars"]) == exact(shown)


def test_point_without_a_value_is_none(server: RunningServer, tenant: str) -> None:
    request, metric = new_metric()
    metric.gauge.data_points.add(**point(), as_double=1.5)
    metric.gauge.data_points.add(**point(1), as_double=0.0, flags=NO_VALUE)
    (series,) = send(server, tenant, request)
    assert series["points"] == [
        shown_times() | {"value": 1.5},
        shown_times(1, flags=NO_VALUE) | {"value": None},
    ]


@pytest.mark.parametrize("optional", [{}, {"sum": 0.0, "min": 0.0, "max": 0.0}, {"sum": -1.5, "min": -2.0, "max": 9.0}])
def test_histogram_comes_back(server: RunningServer, tenant: str, optional: dict[str, float]) -> None:
    request, metric = new_metric()
    metric.histogram.aggregation_temporality = 1
    counts, bounds = [1, 0, (1 << 63) + 1], [-1.5, 0.1]
    metric.histogram.data_points.add(
        **point(count=(1 << 64) - 1, bucket_counts=counts, explicit_bounds=bounds, **optional), exemplars=EXEMPLARS
    )
    (series,) = send(server, tenant, request)
    wanted = {"count": (1 << 64) - 1, "bounds": bounds, "counts": counts, "sum": None, "min": None, "max": None}
    assert exact(series["points"]) == exact([shown_times() | wanted | optional])
    assert (series["type"], series["temporality"], len(series["exemplars"])) == ("histogram", "delta", 2)


@pytest.mark.parametrize("optional", [{}, {"sum": 0.0, "min": 0.0, "max": 0.0}])
def test_exponential_histogram_comes_back(server: RunningServer, tenant: str, optional: dict[str, float]) -> None:
    request, metric = new_metric()
    metric.exponential_histogram.aggregation_temporality = 2
    buckets = ExponentialHistogramDataPoint.Buckets
    metric.exponential_histogram.data_points.add(
        **point(count=10, scale=-3, zero_count=4, zero_threshold=1e-9, **optional),
        positive=buckets(offset=-7, bucket_counts=[1, 0, 2]),
        negative=buckets(offset=5, bucket_counts=[(1 << 64) - 1]),
    )
    (series,) = send(server, tenant, request)
    wanted = {
        **{"count": 10, "sum": None, "min": None, "max": None, "scale": -3, "zero_count": 4, "zero_threshold": 1e-9},
        **{"positive_offset": -7, "positive_counts": [1, 0, 2]},
        **{"negative_offset": 5, "negative_counts": [(1 << 64) - 1]},
    }
    assert exact(series["points"]) == exact([shown_times() | wanted | optional])


def test_summary_comes_back(server: RunningServer, tenant: str) -> None:
    request, metric = new_metric()
    quantile = SummaryDataPoint.ValueAtQuantile
    metric.summary.data_points.add(
        **point(count=3, sum=4.5), quantile_values=[quantile(), quantile(quantile=0.99, value=float("nan"))]
    )
    (series,) = send(server, tenant, request)
    wanted = {"count": 3, "sum": 4.5, "quantiles": [0.0, 0.99], "values": [0.0, {"$double": "NaN"}]}
    assert exact(series["points"]) == exact([shown_times() | wanted])
    assert series["type"] == "summary"


def test_series_differ_by_what_identifies_them(server: RunningServer, tenant: str) -> None:
    request = ExportMetricsServiceRequest()
    for host in ("a", "b"):
        group = request.resource_metrics.add()
        group.resource.attributes.extend(key_values({"host.name": host}))
        for scope in ("x", "y"):
            inner = group.scope_metrics.add()
            inner.scope.name = scope
            for unit in ("s", "By"):
                points = inner.metrics.add(name="m", unit=unit).gauge.data_points
                for value, attribute in ((1, 0), (1.0, 0), (1, False), (1, "")):
                    points.add(**point(**as_number(value)), attributes=key_values({"a": attribute}))
    assert len(send(server, tenant, request)) == 2 * 2 * 2 * 4
