"""What the server says about itself: its metrics, on a registry of their own, and the format of its log."""

import json
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

CHATTY = ("alembic", "uvicorn", "httpx")  # they tell of every start and request; at "debug" they may
KIB, MIB = 1 << 10, 1 << 20
BATCH_BYTES = (16 * KIB, 128 * KIB, 1 * MIB, 4 * MIB, 8 * MIB, 16 * MIB, 32 * MIB, 64 * MIB)
BATCH_REQUESTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
COMMIT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30)


@dataclass(frozen=True, slots=True)
class IngestMetrics:
    """The receivers' and batchers' own metrics; `signal` is traces, logs or metrics, `transport` http or grpc."""

    requests: Counter  # by signal, transport, status (HTTP status, or name of the gRPC code)
    received_bytes: Counter  # by signal, transport: as sent; gRPC's core decompresses before it can be counted
    decompressed_bytes: Counter  # by signal, transport
    batch_bytes: Histogram  # by signal
    batch_requests: Histogram  # by signal
    commit_seconds: Histogram  # by signal: from the first request's arrival to the commit
    insert_seconds: Histogram  # by signal: the engine's part of it
    inserts_in_flight: Gauge  # by signal
    buffered_bytes: Gauge
    errors: Counter  # by signal, kind: the class of the error
    rejected_items: Counter  # by signal: refused inside accepted requests (partial success)


@dataclass(frozen=True, slots=True)
class SamplingMetrics:
    """The ledger, by tenant, policy, service and verdict: what rounds entered while this replica held the lease."""

    traces: Counter
    spans: Counter
    bytes: Counter


@dataclass(frozen=True, slots=True)
class Metrics:
    """All own metrics and the registry that `/metrics` shows. Made once, by `make_metrics`."""

    registry: CollectorRegistry
    ingest: IngestMetrics
    sampling: SamplingMetrics
    api_request_seconds: Histogram  # by method, route (as OpenAPI writes it), status
    free_disk_bytes: Gauge


def make_metrics() -> Metrics:
    """Own metrics at zero, on a new registry, and the process's own: CPU, memory, open files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return Metrics(
        registry,
        _make_ingest_metrics(registry),
        _make_sampling_metrics(registry),
        Histogram(
            "traceo_api_request_seconds",
            "From a request to the end of its answer.",
            ("method", "route", "status"),
            buckets=COMMIT_SECONDS,
            registry=registry,
        ),
        Gauge("traceo_store_free_disk_bytes", "Free disk where the store lies.", registry=registry),
    )


def configure_tracing(endpoint: str, sample_ratio: float) -> None:
    """Send Traceo's own spans to an OTLP/HTTP endpoint (its base URL); nothing without one."""
    if not endpoint:
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

    resource = Resource.create({"service.name": "traceo"})
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(sample_ratio), resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)


def configure_logging(level: str, log_format: Literal["auto", "json", "console"]) -> None:
    """One handler on standard error; `auto`: console on a terminal, JSON elsewhere.

    Fields beyond the message go in `extra={"fields": {...}}`. Callers MUST NOT log credentials or bodies.
    """
    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else ConsoleFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level != "debug":
        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts, level, logger, message, the record's fields, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a newline."""
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in _fields(record).items() if name not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class ConsoleFormatter(logging.Formatter):
    """Time, level, logger, message and `name=value` for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line, before an exception's traceback."""
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        return super().formatMessage(record) + fields


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = getattr(record, "fields", None)
    return fields if isinstance(fields, dict) else {}


def _make_ingest_metrics(registry: CollectorRegistry) -> IngestMetrics:
    def counter(name: str, text: str, *labels: str) -> Counter:
        return Counter(f"traceo_ingest_{name}", text, labels, registry=registry)

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"traceo_ingest_{name}", text, labels, registry=registry)

    def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"traceo_ingest_{name}", text, ("signal",), buckets=buckets, registry=registry)

    return IngestMetrics(
        requests=counter("requests", "Requests answered.", "signal", "transport", "status"),
        received_bytes=counter("received_bytes", "Bytes of bodies as sent.", "signal", "transport"),
        decompressed_bytes=counter("decompressed_bytes", "Bytes of bodies, inflated.", "signal", "transport"),
        batch_bytes=histogram("batch_bytes", "Bytes of one batch.", BATCH_BYTES),
        batch_requests=histogram("batch_requests", "Requests of one batch.", BATCH_REQUESTS),
        commit_seconds=histogram("commit_seconds", "From a batch's first request to its commit.", COMMIT_SECONDS),
        insert_seconds=histogram("insert_seconds", "One call of the store, failed ones too.", COMMIT_SECONDS),
        inserts_in_flight=gauge("inserts_in_flight", "Batches that the store is taking.", "signal"),
        buffered_bytes=gauge("buffered_bytes", "Bytes of requests in memory: being read, waiting or in flight."),
        errors=counter("errors", "Requests answered with an error.", "signal", "kind"),
        rejected_items=counter("rejected_items", "Items refused inside accepted requests.", "signal"),
    )


def _make_sampling_metrics(registry: CollectorRegistry) -> SamplingMetrics:
    labels = ("tenant", "policy", "service", "verdict")

    def counter(unit: str, text: str) -> Counter:
        return Counter(f"traceo_sampling_{unit}", text, labels, registry=registry)

    return SamplingMetrics(
        traces=counter("traces", "Traces judged; one counts once for each service in it."),
        spans=counter("spans", "Spans judged."),
        bytes=counter("bytes", "Bytes of spans judged, about what OTLP takes."),
    )
