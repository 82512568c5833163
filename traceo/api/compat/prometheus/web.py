"""What Prometheus' web server does around its routes: CORS, OPTIONS, and plain texts where there is no route."""

import re

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX = "/prometheus/"
API = f"{PREFIX}api/v1/"
WITHOUT_CORS = (f"{API}read", f"{API}write")
ANY_ORIGIN = ".*"
HEADERS = {
    "access-control-allow-headers": "Accept, Authorization, Content-Type, Origin",
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-expose-headers": "Date",
    "vary": "Origin",
}


class AllowOrigins:
    """ASGI middleware: pages of an origin that the pattern matches may ask the API; every OPTIONS request to it is 204.

    `pattern`: as `web.cors.origin` of Prometheus; empty: no page may.
    """

    def __init__(self, app: ASGIApp, pattern: str) -> None:
        self._app = app
        self._pattern = pattern

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or not scope["path"].startswith(API):
            return await self._app(scope, receive, send)
        is_preflight = scope["method"] == "OPTIONS"
        headers = {} if scope["path"] in WITHOUT_CORS and not is_preflight else self._headers(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] not in (404, 405):
                MutableHeaders(scope=message).update(headers)
            await send(message)

        if is_preflight:
            return await Response(status_code=204)(scope, receive, send_with_headers)
        await self._app(scope, receive, send_with_headers)

    def _headers(self, scope: Scope) -> dict[str, str]:
        origin = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"), "")
        if not origin or not self._pattern:
            return {}
        if self._pattern == ANY_ORIGIN:
            return {**HEADERS, "access-control-allow-origin": "*"}
        matched = re.fullmatch(self._pattern, origin)
        return {**HEADERS, "access-control-allow-origin": origin} if matched else HEADERS


def answer_no_route(request: Request, error: HTTPException) -> Response:
    """404 and 405 in Go's words, with all methods that the path takes."""
    if error.status_code == 404:
        return PlainTextResponse("404 page not found\n", 404, {"X-Content-Type-Options": "nosniff"})
    methods = (error.headers or {}).get("Allow", "").replace(" ", "").split(",")  # of the path's one route
    allowed = {"Allow": ", ".join(sorted({"OPTIONS", *filter(None, methods)}))}
    if request.method == "OPTIONS":
        return Response(status_code=200, headers=allowed)
    return PlainTextResponse("Method Not Allowed\n", 405, {**allowed, "X-Content-Type-Options": "nosniff"})
