"""A tiny OTLP/HTTP server that decodes what it receives, for tests to wait on."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, Self, TypeVar

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {
    "/v1/traces": (ExportTraceServiceRequest, "resource_spans", "scope_spans", "spans"),
    "/v1/logs": (ExportLogsServiceRequest, "resource_logs", "scope_logs", "log_records"),
    "/v1/metrics": (ExportMetricsServiceRequest, "resource_metrics", "scope_metrics", "metrics"),
}

T = TypeVar("T")


def read_attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    """Return OTLP attributes as a dict of plain values."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in pairs}


@dataclass(frozen=True, slots=True)
class Received:
    """One span, log record or metric with its resource; `item` is the protobuf message."""

    resource: dict[str, Any]
    item: Any

    @property
    def service(self) -> str:
        return str(self.resource["service.name"])

    @property
    def attributes(self) -> dict[str, Any]:
        return read_attributes(self.item.attributes)


class OtlpCapture:
    """Listens on a free loopback port; `spans`, `logs` and `metrics` grow as requests arrive."""

    def __init__(self) -> None:
        self.spans: list[Received] = []
        self.logs: list[Received] = []
        self.metrics: list[Received] = []
        self.bodies: list[tuple[str, bytes]] = []  # path and request, as it came
        self._by_path = {"/v1/traces": self.spans, "/v1/logs": self.logs, "/v1/metrics": self.metrics}
        self._arrived = Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class())
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait_for(self, look: Callable[[], T], what: str, timeout_s: float = 15.0) -> T:
        """Look again after every arrival until the result is truthy; return it."""
        deadline = time.monotonic() + timeout_s
        with self._arrived:
            while not (found := look()):
                if time.monotonic() > deadline:
                    raise AssertionError(f"not seen within {timeout_s} s: {what}")
                self._arrived.wait(0.2)
            return found

    def spans_since(self, start_ns: int, service: str) -> list[Received]:
        """Return a service's spans that started after `start_ns`."""
        return [one for one in self.spans if one.service == service and one.item.start_time_unix_nano >= start_ns]

    def keep(self, path: str, body: bytes) -> None:
        """Decode one export request and keep its items."""
        request_class, resources, scopes, items = REQUESTS[path]
        request = request_class.FromString(body)
        received = [
            Received(read_attributes(entry.resource.attributes), item)
            for entry in getattr(request, resources)
            for scope in getattr(entry, scopes)
            for item in getattr(scope, items)
        ]
        with self._arrived:
            self._by_path[path].extend(received)
            self.bodies.append((path, body))
            self._arrived.notify_all()

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        capture = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                capture.keep(self.path, body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler
