"""Measures every request: one series for each route as OpenAPI writes it, so that paths cannot make endless series."""

import time

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_ROUTE = "none"
CANCELLED = "cancelled"


class MeasureRequests:
    """ASGI middleware: the duration of each HTTP request by method, route and status."""

    def __init__(self, app: ASGIApp, seconds: Histogram, prefix: str) -> None:
        self._app = app
        self._seconds = seconds
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        status, begin = CANCELLED, time.perf_counter()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            self._seconds.labels(scope["method"], self._name_route(scope), status).observe(time.perf_counter() - begin)

    def _name_route(self, scope: Scope) -> str:
        """FastAPI's routes do not know the prefix that they were included under."""
        route: str = getattr(scope.get("route"), "path", NO_ROUTE)
        inside = route != NO_ROUTE and scope["path"].startswith(self._prefix) and not route.startswith(self._prefix)
        return self._prefix + route if inside else route
