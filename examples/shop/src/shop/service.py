"""What every service of the shop shares: its web application, its calls to others, its errors and its faults."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from opentelemetry import baggage, metrics, trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.trace import Status, StatusCode
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from shop.database import Database
from shop.effects import Effects
from shop.fault_routes import fault_routes
from shop.topology import port_of

Payload = dict[str, Any] | list[dict[str, Any]]
Handler = Callable[[Request], Awaitable[Payload]]
Operations = dict[str, Handler]

CALL_TIMEOUT_S = 2.0


class Refused(Exception):
    """The request cannot be served and it is not our failure: unknown product, declined card, empty cart."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class DependencyFailed(Exception):
    """A service that this one needs did not answer, or answered with a failure of its own."""


@dataclass(frozen=True, slots=True)
class Shopper:
    """On whose behalf a request runs, as the baggage says."""

    tenant: str
    user_id: str


def current_shopper() -> Shopper:
    """Return the tenant and user of the current request."""
    return Shopper(str(baggage.get_baggage("shop.tenant") or "acme"), str(baggage.get_baggage("user.id") or "guest"))


@dataclass(slots=True)
class Shop:
    """One service's view of the shop: its name, its instruments, and how it reaches the others."""

    service: str
    base_port: int
    effects: Effects
    database: Database | None = None
    client: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(timeout=CALL_TIMEOUT_S, trust_env=False)
    )

    @property
    def logger(self) -> logging.Logger:
        """The logger of this service."""
        return logging.getLogger(f"shop.{self.service}")

    @property
    def meter(self) -> metrics.Meter:
        """The meter of this service."""
        return metrics.get_meter(f"shop.{self.service}")

    async def call(
        self, service: str, operation: str, *, query: dict[str, Any] | None = None, body: Any = None, **path: Any
    ) -> Any:
        """Call another service's operation, such as `GET /products/{product_id}` with `product_id=7`; return its JSON.

        Raises Refused for a 4xx answer, DependencyFailed for a 5xx one or none.
        """
        method, route = operation.split(" ", 1)
        url = f"http://127.0.0.1:{port_of(service, self.base_port)}{route.format(**path)}"
        try:
            answer = await self.client.request(method, url, params=query, json=body, extensions={"shop.route": route})
        except httpx.HTTPError as error:
            raise DependencyFailed(f"{service} did not answer: {type(error).__name__}") from error
        if answer.status_code >= 500:
            raise DependencyFailed(f"{service} answered {answer.status_code} to {operation}")
        if answer.status_code >= 400:
            raise Refused(answer.status_code, answer.json().get("error", "refused"))
        return answer.json()


def build_app(shop: Shop, operations: Operations, control_url: str, stop_telemetry: Callable[[], None]) -> Any:
    """Return the ASGI application of a service: its operations, `/healthz` and `/_faults`, traced."""
    routes = [_operation_route(shop, name, handler) for name, handler in operations.items()]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with shop.client:
            shop.logger.info("service started")
            yield
        stop_telemetry()

    plain = [Route("/healthz", _report_health), *fault_routes(shop.service, shop.effects, control_url)]
    app = Starlette(routes=[*routes, *plain], lifespan=lifespan)

    def describe_span(scope: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        for route in routes:
            if route.matches(scope)[0] is Match.FULL:
                return f"{scope['method']} {route.path}", {"http.route": route.path}
        return str(scope.get("method", "HTTP")), {}

    return OpenTelemetryMiddleware(
        app, excluded_urls="/healthz,/_faults", default_span_details=describe_span, exclude_spans=["receive", "send"]
    )


async def _report_health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _operation_route(shop: Shop, name: str, handler: Handler) -> Route:
    method, path = name.split(" ", 1)

    async def endpoint(request: Request) -> Response:
        try:
            await shop.effects.disturb_request(name)
            return JSONResponse(await handler(request))
        except Refused as refusal:
            shop.logger.warning("%s refused: %s", name, refusal, extra={"http.response.status_code": refusal.status})
            return JSONResponse({"error": str(refusal)}, status_code=refusal.status)
        except Exception as error:  # the edge of the process: every failure becomes a status, a span event and a log
            return _answer_failure(shop, name, error)

    return Route(path, endpoint, methods=[method])


def _answer_failure(shop: Shop, operation: str, error: Exception) -> Response:
    status = 502 if isinstance(error, DependencyFailed) else 500
    span = trace.get_current_span()
    span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, str(error)))
    span.set_attribute("error.type", type(error).__name__)
    shop.logger.error(
        "%s failed: %s",
        operation,
        error,
        exc_info=error,
        extra={"shop.operation": operation, "http.response.status_code": status},
    )
    return JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=status)
