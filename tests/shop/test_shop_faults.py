"""Each fault has its effect, visible in the telemetry, and leaves its record."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.query.engine import engine, insert
from tests.shop.otlp_capture import OtlpCapture, Received
from traceo.config import Query as QuerySettings
from traceo.query.analysis.compare import compare_sets
from traceo.query.analysis.selection import Selection
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.store.base import Signal

if TYPE_CHECKING:
    from shop import RunningShop
    from shop.faults import Fault

ERROR = 2
STOCK_REQUESTS = 12


def duration_ms(span: Received) -> float:
    return (span.item.end_time_unix_nano - span.item.start_time_unix_nano) / 1e6


def failed_with(span: Received, exception_type: str) -> bool:
    types = [
        pair.value.string_value
        for event in span.item.events
        for pair in event.attributes
        if pair.key == "exception.type"
    ]
    return span.item.status.code == ERROR and any(name.endswith(exception_type) for name in types)


def ask_for_stock(shop: RunningShop) -> None:
    for number in range(STOCK_REQUESTS):
        httpx.get(f"{shop.url('inventory')}/stock/{number + 1}", trust_env=False)


async def find_cause(tenant: str, since_ns: int) -> Any:
    """What failed requests to the inventory have that good ones have not."""
    of_inventory = "resource.service.name = `inventory` && kind = server"
    selection, baseline = (
        Selection(TimeRange(since_ns - before_ns, time.time_ns()), traceql=f"{{ {of_inventory} && {status} }}")
        for before_ns, status in ((0, "status = error"), (60 * 10**9, "status != error"))
    )
    return await compare_sets(Queries(engine(), QuerySettings()), tenant, selection, baseline, whole=False)


@contextmanager
def fault_on(shop: RunningShop, service: str, kind: str, **parameters: Any) -> Iterator[Fault]:
    """Switch a fault on for the block; then check that the record is complete."""
    fault = shop.start_fault(service, kind, **parameters)
    try:
        yield fault
    finally:
        shop.end_fault(fault)
    record = next(one for one in shop.faults() if one.id == fault.id)
    assert (record.kind, record.service, record.parameters) == (kind, fault.service, fault.parameters)
    assert record.ended_at is not None
    assert record.started_at == fault.started_at < record.ended_at <= time.time_ns()
    assert record.ended_by == "request"


def is_answering(url: str) -> Callable[[], bool]:
    def look() -> bool:
        try:
            return httpx.get(url, timeout=1, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    return look


def test_latency_slows_one_operation(shop: RunningShop, capture: OtlpCapture) -> None:
    with fault_on(shop, "catalogue", "latency", ms=300, operation="GET /products") as fault:

        def slow_pages() -> list[Received]:
            spans = capture.spans_since(fault.started_at, "storefront")
            return [span for span in spans if span.item.name == "GET /" and duration_ms(span) > 220]

        capture.wait_for(slow_pages, "slow home pages")
        operations = {(one["service"], one["operation"]) for one in fault.affected}
        assert {("catalogue", "GET /products"), ("storefront", "GET /")} <= operations
        assert ("storefront", "GET /cart") not in operations


def test_errors_fail_spans_and_log_with_the_trace(shop: RunningShop, capture: OtlpCapture) -> None:
    with fault_on(shop, "cart", "errors", rate=1.0) as fault:

        def failures() -> list[Received]:
            return [one for one in capture.spans_since(fault.started_at, "cart") if failed_with(one, "InjectedError")]

        span = capture.wait_for(failures, "failed spans of cart")[0]

        def error_logs() -> list[Received]:
            return [log for log in list(capture.logs) if log.item.span_id == span.item.span_id]

        log = capture.wait_for(error_logs, "the failure's log record")[0]
        assert log.item.severity_text == "ERROR"
        assert log.attributes["exception.type"] == "InjectedError"
        callers = capture.wait_for(
            lambda: [
                one
                for one in capture.spans_since(fault.started_at, "storefront")
                if failed_with(one, "DependencyFailed")
            ],
            "failed callers",
        )
        assert callers[0].attributes["http.response.status_code"] == 502


def test_slow_query_is_slow_inside_the_database(shop: RunningShop, capture: OtlpCapture) -> None:
    with fault_on(shop, "inventory", "slow_query", ms=250) as fault:

        def slow_queries() -> list[Received]:
            spans = capture.spans_since(fault.started_at, "inventory")
            return [
                one for one in spans if "pg_sleep" in one.attributes.get("db.query.text", "") and duration_ms(one) > 240
            ]

        capture.wait_for(slow_queries, "slow database spans")


def test_leak_grows_the_memory_gauge_and_ends(shop: RunningShop, capture: OtlpCapture) -> None:
    def memory_mb(since_ns: int) -> list[float]:
        gauges = [
            one.item
            for one in list(capture.metrics)
            if (one.service, one.item.name) == ("storefront", "process.memory.usage")
        ]
        points = [point for gauge in gauges for point in gauge.gauge.data_points if point.time_unix_nano > since_ns]
        return [point.as_int / 1e6 for point in points]

    before_mb = capture.wait_for(lambda: memory_mb(0), "a memory gauge")[-1]
    with fault_on(shop, "storefront", "leak", kb_per_request=2048, max_mb=40) as fault:
        capture.wait_for(lambda: max(memory_mb(fault.started_at), default=0) > before_mb + 20, "growing memory")
    ended_ns = time.time_ns()
    capture.wait_for(lambda: min(memory_mb(ended_ns), default=1e9) < before_mb + 15, "released memory")


def test_terminated_dependency_refuses_its_callers_and_comes_back(shop: RunningShop, capture: OtlpCapture) -> None:
    with fault_on(shop, "storefront", "stopped_dependency", dependency="cart") as fault:
        assert (fault.service, fault.requested_on) == ("cart", "storefront")
        capture.wait_for(
            lambda: [
                one
                for one in capture.spans_since(fault.started_at, "storefront")
                if failed_with(one, "DependencyFailed")
            ],
            "callers without their dependency",
        )
        assert not is_answering(f"{shop.url('cart')}/healthz")()
    capture.wait_for(is_answering(f"{shop.url('cart')}/healthz"), "cart is back", 20)


def test_frozen_dependency_times_out(shop: RunningShop, capture: OtlpCapture) -> None:
    with fault_on(shop, "storefront", "stopped_dependency", dependency="catalogue", mode="freeze") as fault:

        def timeouts() -> list[Received]:
            return [
                one
                for one in capture.spans_since(fault.started_at, "storefront")
                if failed_with(one, "DependencyFailed") and duration_ms(one) > 1900
            ]

        capture.wait_for(timeouts, "time-outs")
    capture.wait_for(is_answering(f"{shop.url('catalogue')}/products"), "catalogue is back", 20)


def test_stopped_database_fails_its_services_and_comes_back(shop: RunningShop, capture: OtlpCapture) -> None:
    with fault_on(shop, "catalogue", "stopped_dependency", dependency="postgres") as fault:
        assert fault.service == "postgres"
        assert {"catalogue", "inventory"} <= {one["service"] for one in fault.affected}
        capture.wait_for(
            lambda: [
                one for one in capture.spans_since(fault.started_at, "catalogue") if one.item.status.code == ERROR
            ],
            "failed queries",
        )
    capture.wait_for(is_answering(f"{shop.url('catalogue')}/products"), "catalogue works again", 20)


def test_bad_deploy_is_a_new_process_with_a_new_version_and_a_regression(
    shop: RunningShop, capture: OtlpCapture
) -> None:
    with fault_on(shop, "inventory", "bad_deploy", version="1.1.0", rate=1.0) as fault:

        def failures() -> list[Received]:
            spans = capture.spans_since(fault.started_at, "inventory")
            return [one for one in spans if one.resource["service.version"] == "1.1.0" and failed_with(one, "KeyError")]

        span = capture.wait_for(failures, "failures of the new version", 25)[0]
        older = [
            one for one in capture.spans if one.service == "inventory" and one.resource["service.version"] == "1.0.0"
        ]
        assert span.resource["process.pid"] not in {one.resource["process.pid"] for one in older}
        ask_for_stock(shop)
    ended_ns = time.time_ns()

    def rolled_back() -> list[Received]:
        spans = capture.spans_since(ended_ns, "inventory")
        return [one for one in spans if one.resource["service.version"] == "1.0.0"]

    capture.wait_for(rolled_back, "the old version again", 25)
    ask_for_stock(shop)
    capture.wait_for(lambda: len(rolled_back()) > STOCK_REQUESTS, "its answers")
    analysed = [body for path, body in capture.bodies if path == "/v1/traces"]
    insert("bad-deploy", Signal.TRACES, *analysed)
    first = asyncio.run(find_cause("bad-deploy", fault.started_at))["attributes"][0]
    assert (first["key"], first["value"], first["significant"]) == ("service.version", "1.1.0", True)


def test_fault_ends_by_itself_after_its_duration(shop: RunningShop, capture: OtlpCapture) -> None:
    fault = shop.start_fault("payment", "latency", ms=10, duration_s=0.3)

    def record() -> Fault | None:
        return next((one for one in shop.faults() if one.id == fault.id and one.ended_at), None)

    ended = capture.wait_for(record, "the fault's end")
    assert ended.ended_by == "duration"
    assert ended.ended_at - ended.started_at >= 0.3e9
    assert httpx.get(f"{shop.url('payment')}/_faults", trust_env=False).json() == []


@pytest.mark.parametrize(
    ("service", "request_body", "reason"),
    [
        pytest.param("cart", {"kind": "gremlins"}, "unknown kind", id="unknown kind"),
        pytest.param("cart", {"kind": "latency", "speed": 1}, "no parameter 'speed'", id="unknown parameter"),
        pytest.param("cart", {"kind": "slow_query"}, "no database", id="no database"),
        pytest.param("cart", {"kind": "errors", "rate": 3}, "rate", id="rate above one"),
        pytest.param("cart", {"kind": "errors", "operation": "GET /x"}, "no operation", id="unknown operation"),
        pytest.param(
            "cart", {"kind": "stopped_dependency", "dependency": "payment"}, "does not depend", id="no dependency"
        ),
        pytest.param("payment", {"kind": "stopped_dependency"}, "nothing", id="no dependencies at all"),
    ],
)
def test_senseless_fault_is_refused_and_not_recorded(
    shop: RunningShop, service: str, request_body: dict[str, Any], reason: str
) -> None:
    recorded = len(shop.faults())
    answer = httpx.post(f"{shop.url(service)}/_faults", json=request_body, trust_env=False)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert len(shop.faults()) == recorded


def test_command_line_switches_faults(shop: RunningShop, capsys: pytest.CaptureFixture[str]) -> None:
    from shop.__main__ import main

    port = ["--base-port", str(shop.base_port)]
    assert main(["fault", "start", "payment", "latency", "ms=20", "--duration", "60", *port]) == 0
    assert main(["fault", "list", *port]) == 0
    assert '"kind": "latency"' in capsys.readouterr().out
    assert main(["fault", "stop", *port]) == 0
    assert shop.faults()[-1].parameters["ms"] == 20
    assert shop.faults()[-1].ended_by == "request"


def processes_of(data_dir: Path) -> list[str]:
    """Return the command lines of all live processes that belong to the shop of a data directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environment = (process / "environ").read_bytes().decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if str(data_dir) in line or f"SHOP_DATA_DIR={data_dir}\0" in environment:
            found.append(line)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_no_process_outlives_the_supervisor(tmp_path: Path, capture: OtlpCapture, number: signal.Signals) -> None:
    from shop import running_shop

    with running_shop(tmp_path / "shop", capture.endpoint, rate=1) as shop:
        assert len(processes_of(tmp_path / "shop")) >= 10  # supervisor, 7 services, load generator, database
        fault = shop.start_fault("cart", "stopped_dependency", mode="freeze")
        os.kill(shop.supervisor_pid, number)
        capture.wait_for(lambda: not processes_of(tmp_path / "shop"), "the end of all processes")
    record = shop.faults()[-1]
    assert record.id == fault.id
    assert record.ended_by == ("shutdown" if number is signal.SIGTERM else None)
