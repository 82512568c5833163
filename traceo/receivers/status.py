"""Errors and outcomes as OTLP answers them: one table of codes, and the bodies that go with them.

OTLP retries HTTP 429, 502, 503, 504 and gRPC UNAVAILABLE, and RESOURCE_EXHAUSTED only where it carries a RetryInfo.
"""

import json
import math
from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from traceo import errors
from traceo.store.base import Outcome, Signal

INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNIMPLEMENTED = 3, 5, 7, 8, 12
INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 13, 14, 16

REJECTED_JSON = {
    Signal.TRACES: "rejectedSpans",
    Signal.LOGS: "rejectedLogRecords",
    Signal.METRICS: "rejectedDataPoints",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """An error, ready to be sent. `retry_after_s`: None where repeating does not help."""

    http: int
    grpc: int
    message: str
    retry_after_s: float | None = None

    @property
    def retry_after(self) -> str | None:
        """The header's value: whole seconds, rounded up."""
        return None if self.retry_after_s is None else str(max(1, math.ceil(self.retry_after_s)))

    def headers(self, challenge: bytes = b"Bearer") -> tuple[tuple[bytes, bytes], ...]:
        """When to send again, and (`challenge`) which credential is asked for."""
        again = ((b"retry-after", self.retry_after.encode()),) if self.retry_after else ()
        return (*again, (b"www-authenticate", challenge)) if self.http == 401 else again

    def to_protobuf(self) -> bytes:
        """A google.rpc.Status; with RetryInfo where the sender may repeat."""
        status = Status(code=self.grpc, message=self.message)
        if self.retry_after_s is not None:
            delay = Duration()
            delay.FromMilliseconds(round(self.retry_after_s * 1000))
            status.details.add().Pack(RetryInfo(retry_delay=delay))
        return bytes(status.SerializeToString())

    def to_json(self) -> bytes:
        """The same without details."""
        return json.dumps({"code": self.grpc, "message": self.message}).encode()


@dataclass(frozen=True, slots=True)
class _Rule:
    error: type[errors.TraceoError]
    http: int
    grpc: int
    retry_after_s: float | None = None


# The first match decides: subclasses before their parents.
RULES = (
    _Rule(errors.PayloadTooLarge, 413, INVALID_ARGUMENT),
    _Rule(errors.UnsupportedMediaType, 415, INVALID_ARGUMENT),
    _Rule(errors.InvalidRequest, 400, INVALID_ARGUMENT),
    _Rule(errors.BadData, 400, INVALID_ARGUMENT),
    _Rule(errors.Unauthenticated, 401, UNAUTHENTICATED),
    _Rule(errors.PermissionDenied, 403, PERMISSION_DENIED),
    _Rule(errors.NotFound, 404, NOT_FOUND),
    _Rule(errors.LimitExceeded, 429, RESOURCE_EXHAUSTED),
    _Rule(errors.Overloaded, 429, RESOURCE_EXHAUSTED, 1.0),
    _Rule(errors.DiskFull, 503, UNAVAILABLE, 30.0),
    _Rule(errors.StoreUnavailable, 503, UNAVAILABLE, 5.0),
)


def to_failure(error: Exception) -> Failure:
    """What to answer for an error; 500/INTERNAL, without its text, for what nobody raises on purpose."""
    for rule in RULES:
        if isinstance(error, rule.error):
            return Failure(rule.http, rule.grpc, str(error), getattr(error, "retry_after_s", rule.retry_after_s))
    message = str(error) if isinstance(error, errors.TraceoError) else "internal error; the server's log says more"
    return Failure(500, INTERNAL, message)


def success_protobuf(outcome: Outcome) -> bytes:
    """An Export<Signal>ServiceResponse: the field numbers are the same for all signals. Empty: all is stored."""
    if not outcome.rejected and not outcome.reason:
        return b""
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = outcome.rejected
    response.partial_success.error_message = outcome.reason
    return response.SerializeToString()


def success_json(signal: Signal, outcome: Outcome) -> bytes:
    """The same in OTLP/JSON, where an int64 is a string."""
    if not outcome.rejected and not outcome.reason:
        return b"{}"
    partial = {REJECTED_JSON[signal]: str(outcome.rejected), "errorMessage": outcome.reason}
    return json.dumps({"partialSuccess": partial}).encode()
