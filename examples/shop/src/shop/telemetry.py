"""The OpenTelemetry SDK and its auto-instrumentation, set up once per process.

Exporters, delays and the exemplar filter are the SDK's own `OTEL_*` environment variables, which the supervisor sets
(`telemetry_environment`).
"""

from __future__ import annotations

import logging
import os
import platform
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from threading import Thread

from opentelemetry import _logs, baggage, metrics, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor, RequestInfo
from opentelemetry.instrumentation.logging import LoggingInstrumentor
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

BAGGAGE_KEYS = ("shop.tenant", "user.id")
FLUSH_TIMEOUT_S = 2.0


def start_telemetry(service: str, version: str) -> Callable[[], None]:
    """Install traces, metrics and logs for this process; the result flushes and stops them."""
    resource = build_resource(service, version)
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(_BaggageOnSpans())
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(tracers)

    loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
    loggers.add_log_record_processor(_BaggageOnLogs())
    loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    _logs.set_logger_provider(loggers)

    cart_values = View(instrument_name="shop.cart.value", aggregation=ExponentialBucketHistogramAggregation())
    meters = MeterProvider(
        [PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource, views=[cart_values]
    )
    metrics.set_meter_provider(meters)
    meters.get_meter("shop").create_observable_gauge(
        "process.memory.usage", [_observe_memory], unit="By", description="Resident memory of the process."
    )
    _instrument_libraries()

    return lambda: _shut_down((tracers, loggers, meters))


def _shut_down(providers: Sequence[TracerProvider | LoggerProvider | MeterProvider]) -> None:
    """Flush all signals at the same time; an endpoint that does not answer MUST NOT keep the process alive."""
    flushes = [Thread(target=provider.shutdown, daemon=True) for provider in providers]
    for flush in flushes:
        flush.start()
    deadline = time.monotonic() + FLUSH_TIMEOUT_S
    for flush in flushes:
        flush.join(max(0.0, deadline - time.monotonic()))


def build_resource(service: str, version: str) -> Resource:
    """Describe this process by the semantic conventions."""
    return Resource.create(
        {
            "service.name": service,
            "service.namespace": "shop",
            "service.version": version,
            "service.instance.id": str(uuid.uuid4()),
            "deployment.environment.name": os.environ.get("SHOP_ENVIRONMENT", "demo"),
            "host.name": socket.gethostname(),
            "os.type": platform.system().lower(),
            "process.pid": os.getpid(),
            "process.runtime.name": platform.python_implementation().lower(),
            "process.runtime.version": platform.python_version(),
        }
    )


def _instrument_libraries() -> None:
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    LoggingInstrumentor().instrument()
    HTTPXClientInstrumentor().instrument(request_hook=_name_call, async_request_hook=_name_call_async)


def _name_call(span: trace.Span, request: RequestInfo) -> None:
    """Name client spans by route (`GET /products/{product_id}`): the instrumentation alone knows only the method."""
    route = (request.extensions or {}).get("shop.route")
    if route:
        span.update_name(f"{request.method.decode()} {route}")
        span.set_attribute("url.template", route)


async def _name_call_async(span: trace.Span, request: RequestInfo) -> None:
    _name_call(span, request)


def _observe_memory(_options: CallbackOptions) -> Iterable[Observation]:
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[1])
    return [Observation(pages * os.sysconf("SC_PAGE_SIZE"))]


class _BaggageOnSpans(SpanProcessor):
    """Copies tenant and user from the baggage to every span, so that each can be filtered by them."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        for key in BAGGAGE_KEYS:
            value = baggage.get_baggage(key, parent_context)
            if isinstance(value, str):
                span.set_attribute(key, value)


class _BaggageOnLogs(LogRecordProcessor):
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        record = log_record.log_record
        carried = {
            key: value for key in BAGGAGE_KEYS if isinstance(value := baggage.get_baggage(key, record.context), str)
        }
        record.attributes = {**(record.attributes or {}), **carried}

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True
