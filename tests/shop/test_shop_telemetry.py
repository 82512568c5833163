"""What the shop sends when nothing is wrong."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from tests.shop.otlp_capture import OtlpCapture, Received, read_attributes

if TYPE_CHECKING:
    pass

SERVER, CLIENT = 2, 3
BUSY_ROUTES = ("GET /", "POST /cart", "GET /products/{product_id}", "POST /checkout")
pytestmark = pytest.mark.usefixtures("shop")


def group_by_trace(spans: list[Received]) -> dict[bytes, list[Received]]:
    traces = defaultdict(list)
    for span in list(spans):
        traces[span.item.trace_id].append(span)
    return traces


def find_whole_checkout(capture: OtlpCapture) -> list[Received] | None:
    """Return the spans of a placed order once all of them are here."""
    for trace in group_by_trace(capture.spans).values():
        services = {span.service for span in trace}
        known = {span.item.span_id for span in trace}
        whole = all(not span.item.parent_span_id or span.item.parent_span_id in known for span in trace)
        if whole and {"loadgen", "storefront", "checkout", "cart", "inventory", "payment", "shipping"} <= services:
            return trace
    return None


def find_metric(capture: OtlpCapture, service: str, name: str) -> Received | None:
    found = [metric for metric in capture.metrics if (metric.service, metric.item.name) == (service, name)]
    return found[-1] if found else None


def test_checkout_is_one_trace_through_seven_processes(capture: OtlpCapture) -> None:
    trace = capture.wait_for(lambda: find_whole_checkout(capture), "a whole checkout trace", 30)
    by_id = {span.item.span_id: span for span in trace}
    roots = [span for span in trace if not span.item.parent_span_id]
    assert [(root.service, root.item.kind) for root in roots] == [("loadgen", CLIENT)]
    for span in trace:
        if span.item.kind == SERVER:
            parent = by_id[span.item.parent_span_id]
            assert parent.item.kind == CLIENT
            assert parent.service != span.service
            assert parent.resource["process.pid"] != span.resource["process.pid"]
            assert parent.item.name == span.item.name


def test_every_call_between_services_is_in_the_topology(capture: OtlpCapture) -> None:
    from shop.topology import CALLS, Operation

    capture.wait_for(lambda: find_whole_checkout(capture), "a whole checkout trace", 30)
    spans = {span.item.span_id: span for span in list(capture.spans)}
    seen = set()
    for span in spans.values():
        client = spans.get(span.item.parent_span_id)
        caller = spans.get(client.item.parent_span_id) if client else None
        if span.item.kind == SERVER and caller is not None:
            seen.add((Operation(caller.service, caller.item.name), Operation(span.service, span.item.name)))
    assert seen
    assert seen <= {(caller, callee) for caller, callees in CALLS.items() for callee in callees}


def test_tenant_and_user_travel_with_the_baggage(capture: OtlpCapture) -> None:
    trace = capture.wait_for(lambda: find_whole_checkout(capture), "a whole checkout trace", 30)
    shoppers = {(span.attributes["shop.tenant"], span.attributes["user.id"]) for span in trace}
    assert len(shoppers) == 1
    tenant, user_id = shoppers.pop()
    assert tenant in ("acme", "globex", "initech")
    assert user_id.startswith(tenant)


def test_queries_are_database_spans(capture: OtlpCapture) -> None:
    def find_query(service: str) -> Received | None:
        queries = [one for one in capture.spans if one.service == service and "db.query.text" in one.attributes]
        return queries[0] if queries else None

    for service in ("catalogue", "inventory"):
        query = capture.wait_for(lambda service=service: find_query(service), f"a query of {service}")
        assert query.item.kind == CLIENT
        assert query.attributes["db.system.name"] == "postgresql"
        assert query.attributes["db.namespace"] == service


def test_resource_says_who_sent_it(capture: OtlpCapture) -> None:
    resource = capture.wait_for(lambda: [one for one in capture.spans if one.service == "cart"], "a span of cart")[
        0
    ].resource
    assert resource["service.namespace"] == "shop"
    assert resource["service.version"] == "1.0.0"
    assert {"service.instance.id", "deployment.environment.name", "host.name", "process.pid"} <= set(resource)


def test_logs_carry_the_trace_they_belong_to(capture: OtlpCapture) -> None:
    def find_order_log() -> Received | None:
        known = {span.item.span_id for span in list(capture.spans)}
        placed = (log for log in capture.logs if log.item.body.string_value == "order placed")
        return next((log for log in placed if log.item.span_id in known), None)

    log = capture.wait_for(find_order_log, "an order's log record with its span", 30)
    assert log.service == "checkout"
    assert log.item.severity_text == "INFO"
    assert log.attributes["shop.amount_cents"] > 0
    assert log.attributes["shop.tenant"] in ("acme", "globex", "initech")
    span = next(span for span in capture.spans if span.item.span_id == log.item.span_id)
    assert (span.service, span.item.trace_id) == ("checkout", log.item.trace_id)


@pytest.mark.parametrize(
    ("service", "name", "data"),
    [
        ("storefront", "http.server.request.duration", "histogram"),
        ("checkout", "http.client.request.duration", "histogram"),
        ("catalogue", "db.client.operation.duration", "histogram"),
        ("checkout", "shop.orders", "sum"),
        ("cart", "shop.carts.active", "sum"),
        ("cart", "shop.cart.value", "exponential_histogram"),
        ("inventory", "shop.stock.quantity", "gauge"),
        ("loadgen", "shop.visits", "sum"),
    ],
)
def test_metric_arrives(capture: OtlpCapture, service: str, name: str, data: str) -> None:
    metric = capture.wait_for(lambda: find_metric(capture, service, name), f"{name} of {service}", 30)
    assert metric.item.WhichOneof("data") == data


@pytest.mark.parametrize(
    ("service", "name"), [("storefront", "http.server.request.duration"), ("cart", "shop.cart.value")]
)
def test_exemplars_point_to_received_traces(capture: OtlpCapture, service: str, name: str) -> None:
    def find_exemplar() -> Any:
        known = {span.item.trace_id for span in list(capture.spans)}
        metrics = [one.item for one in list(capture.metrics) if (one.service, one.item.name) == (service, name)]
        points = [point for metric in metrics for point in getattr(metric, metric.WhichOneof("data")).data_points]
        exemplars = (exemplar for point in points for exemplar in point.exemplars)
        return next((exemplar for exemplar in exemplars if exemplar.trace_id in known), None)

    assert capture.wait_for(find_exemplar, f"an exemplar of {name}", 30).span_id


def test_requests_are_measured_by_route(capture: OtlpCapture) -> None:
    def measured_routes() -> set[str]:
        metric = find_metric(capture, "storefront", "http.server.request.duration")
        points = metric.item.histogram.data_points if metric else []
        return {read_attributes(point.attributes)["http.route"] for point in points}

    wanted = {route.split()[1] for route in BUSY_ROUTES}
    capture.wait_for(lambda: wanted <= measured_routes(), "the busy routes", 30)
