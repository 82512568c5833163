"""From a log record to the lines around it, and from each signal to the others."""

import asyncio
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.moment import NOW_S
from tests.query.engine import engine, insert
from tests.query.telemetry import logs, pairs, span, traces
from traceo.config import Query
from traceo.query.links import links_of_resource, links_of_trace
from traceo.query.log_context import read_context
from traceo.query.logs import LogSearch, search_logs
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.store.base import Signal

SECOND = 10**9
NOW = NOW_S * SECOND
HOUR = 3600 * SECOND
AROUND = TimeRange(NOW - HOUR, NOW + HOUR)
TRACE, SPAN = (7).to_bytes(16, "big"), (70).to_bytes(8, "big")
TENANT = "links"


def ask(work: Any) -> Any:
    return asyncio.run(work)


def queries() -> Queries:
    return Queries(engine(), Query())


def metric(at_ns: int) -> bytes:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(pairs({"service.name": "shop", "host.name": "h1"}))
    total = group.scope_metrics.add().metrics.add(name="orders", unit="1").sum
    total.is_monotonic, total.aggregation_temporality = True, 2
    point = total.data_points.add(time_unix_nano=at_ns, as_int=3, attributes=pairs({"kind": "a"}))
    point.exemplars.add(time_unix_nano=at_ns, as_int=1, trace_id=TRACE, span_id=SPAN)
    return request.SerializeToString()


@pytest.fixture(scope="module", autouse=True)
def data() -> None:
    host = {"host.name": "h1"}
    lines = [{"time_unix_nano": NOW + n * SECOND, "body": f"line {n}"} for n in range(-5, 6)]
    lines += [{"time_unix_nano": NOW, "body": "same moment"}, {"time_unix_nano": NOW + 3 * HOUR, "body": "far"}]
    lines += [{"time_unix_nano": NOW - 30 * 60 * SECOND, "body": "half an hour ago"}]
    lines[5] |= {"trace_id": TRACE, "span_id": SPAN, "severity_number": 17}
    insert(TENANT, Signal.LOGS, logs("shop", lines, host))
    insert(TENANT, Signal.LOGS, logs("shop", [{"time_unix_nano": NOW, "body": "another host"}], {"host.name": "h2"}))
    insert(TENANT, Signal.TRACES, traces("shop", [span(7, 70, NOW), span(7, 71, NOW, parent=70)], host))
    insert(TENANT, Signal.METRICS, metric(NOW))


def resource_id() -> int:
    page = ask(search_logs(queries(), TENANT, LogSearch(AROUND, text="line", trace_id=TRACE)))
    return int(page.records[0]["resource_id"])


def context(tenant: str = TENANT, **limits: int) -> dict[str, list[str]]:
    limits = {"before": 2, "after": 2, "reach_ns": HOUR, **limits}
    found = ask(read_context(queries(), tenant, resource_id(), NOW, **limits))
    return {name: [record["body"] for record in records] for name, records in found.items()}


def test_lines_around_a_record_are_of_its_resource() -> None:
    found = context()
    assert (found["before"], found["after"]) == (["line -2", "line -1"], ["line 1", "line 2"])
    assert sorted(found["at"]) == ["line 0", "same moment"]


def test_context_looks_further_where_there_is_too_little() -> None:
    assert context(before=6)["before"] == ["half an hour ago", *(f"line {n}" for n in range(-5, 0))]
    assert context(after=6)["after"] == [f"line {n}" for n in range(1, 6)]
    assert context(after=6, reach_ns=4 * HOUR)["after"][-1] == "far"
    assert context(before=0, after=0) == {"before": [], "at": context(before=0, after=0)["at"], "after": []}


def test_context_of_another_tenant_is_empty() -> None:
    assert context("nobody") == {"before": [], "at": [], "after": []}


def test_trace_leads_to_its_logs_and_exemplars() -> None:
    found = ask(links_of_trace(queries(), TENANT, TRACE))
    (spans,), (records,), (exemplar,) = found["spans"], found["logs"], found["exemplars"]
    assert (spans["service"], spans["spans"], spans["first_time_ns"]) == ("shop", 2, NOW)
    assert (records["service"], records["records"], records["errors"]) == ("shop", 1, 1)
    assert (exemplar["metric"], exemplar["value"], exemplar["span_id"]) == ("orders_total", 1, SPAN.hex())
    assert exemplar["labels"]["kind"] == "a"


def test_span_leads_to_what_is_its_own() -> None:
    found = ask(links_of_trace(queries(), TENANT, TRACE, (71).to_bytes(8, "big")))
    assert ([row["spans"] for row in found["spans"]], found["logs"], found["exemplars"]) == ([1], [], [])
    page = ask(search_logs(queries(), TENANT, LogSearch(AROUND, span_id=SPAN)))
    assert [record["trace_id"] for record in page.records] == [TRACE.hex()]


def test_unknown_trace_has_no_links() -> None:
    assert ask(links_of_trace(queries(), TENANT, bytes(15) + b"\x63")) == {"spans": [], "logs": [], "exemplars": []}


def test_resource_leads_to_all_of_its_signals() -> None:
    found = ask(links_of_resource(queries(), TENANT, resource_id(), AROUND))
    assert found["resource"]["attributes"] == {"service.name": "shop", "host.name": "h1"}
    assert (found["spans"], found["logs"], found["metrics"]) == (2, 13, ["orders"])
    assert found["trace_ids"] == [TRACE.hex()]


def test_unknown_resource_has_none() -> None:
    found = ask(links_of_resource(queries(), TENANT, 1, AROUND))
    assert found == {"resource": None, "spans": 0, "logs": 0, "metrics": [], "trace_ids": []}
