"""OTLP over gRPC: the three Export services, with handlers that see bytes only.

gRPC's core inflates gzip and deflate itself, bounded by `grpc.max_receive_message_length`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import unquote

import grpc
import grpc.aio

from traceo.errors import ConfigError
from traceo.receivers.ingest import KEEP_HEADER, Ingest
from traceo.receivers.status import RESOURCE_EXHAUSTED, Failure, success_protobuf, to_failure
from traceo.store.base import Signal

logger = logging.getLogger(__name__)

METHODS = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": Signal.TRACES,
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": Signal.LOGS,
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": Signal.METRICS,
}
CODES = {code.value[0]: code for code in grpc.StatusCode}
MAX_STREAMS = 1024  # per connection; what exceeds it waits in the sender

Context = grpc.aio.ServicerContext[bytes, bytes]
Export = Callable[[bytes, Context], Awaitable[bytes]]


async def serve_otlp_grpc(ingest: Ingest, host: str, port: int) -> grpc.aio.Server:
    """A started server. Raises ConfigError when the address cannot be bound."""
    server, _ = bind_otlp_grpc(ingest, host, port)
    await server.start()
    return server


def bind_otlp_grpc(ingest: Ingest, host: str, port: int) -> tuple[grpc.aio.Server, int]:
    """A server that is not started yet, and its port: 0 takes a free one. Needs a running event loop."""
    server = grpc.aio.server(
        handlers=[_Handlers(ingest)],
        options=[
            ("grpc.max_receive_message_length", ingest.limits.max_decompressed),
            ("grpc.max_concurrent_streams", MAX_STREAMS),
            ("grpc.so_reuseport", 0),
        ],
    )
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        return server, server.add_insecure_port(address)
    except RuntimeError as error:
        raise ConfigError(f"cannot listen on {address} for OTLP/gRPC: {error}") from error


class _Handlers(grpc.GenericRpcHandler):
    """The methods by name; any other is UNIMPLEMENTED."""

    def __init__(self, ingest: Ingest) -> None:
        self._handlers: dict[str, Any] = {
            name: grpc.unary_unary_rpc_method_handler(partial(_export, ingest, signal))
            for name, signal in METHODS.items()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The handler of a method, or None."""
        return self._handlers.get(handler_call_details.method)


async def _export(ingest: Ingest, signal: Signal, body: bytes, context: Context) -> bytes:
    try:
        metadata = dict(context.invocation_metadata() or ())
        tenant = ingest.authorize(
            _text(metadata.get("authorization")), _text(metadata.get("x-scope-orgid")), peer_ip(context.peer())
        )
        ingest.metrics.decompressed_bytes.labels(signal, "grpc").inc(len(body))
        outcome = await ingest.commit(signal, tenant, body, _text(metadata.get(KEEP_HEADER)))
    except Exception as error:  # the edge of the process: every request gets an answer
        failure = to_failure(error)
        if failure.http == 500:
            logger.exception("request failed", extra={"fields": {"signal": signal}})
        ingest.count(signal, "grpc", CODES[failure.grpc].name, error)
        return _fail(context, failure)
    ingest.count(signal, "grpc", "OK", None)
    return success_protobuf(outcome)


def _fail(context: Context, failure: Failure) -> bytes:
    """Set the status; `grpc-status-details-bin` carries RetryInfo, which makes RESOURCE_EXHAUSTED retryable."""
    context.set_code(CODES[failure.grpc])
    context.set_details(failure.message)
    if failure.retry_after_s is not None or failure.grpc == RESOURCE_EXHAUSTED:
        context.set_trailing_metadata((("grpc-status-details-bin", failure.to_protobuf()),))
    return b""


def peer_ip(peer: str) -> str:
    """`ipv4:10.0.0.1:4242`, `ipv6:%5B::1%5D:4242` -> the address; empty for what has none (a Unix socket)."""
    kind, _, address = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return ""
    return unquote(address).rpartition(":")[0].strip("[]")


def _text(value: str | bytes | None) -> str | None:
    return value.decode("latin-1") if isinstance(value, bytes) else value
