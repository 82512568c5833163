"""The one place that chooses an HTTP status: errors of every kind become `{"error": {"type", "message", ...}}`."""

import logging
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from traceo import errors

logger = logging.getLogger(__name__)

# The first that fits, so that a subclass stands before its parent.
STATUSES: tuple[tuple[type[errors.TraceoError], int, str], ...] = (
    (errors.Conflict, 409, "conflict"),
    (errors.PayloadTooLarge, 413, "payload_too_large"),
    (errors.UnsupportedMediaType, 415, "unsupported_media_type"),
    (errors.InvalidRequest, 400, "invalid_request"),
    (errors.Unauthenticated, 401, "unauthenticated"),
    (errors.PermissionDenied, 403, "permission_denied"),
    (errors.NotFound, 404, "not_found"),
    (errors.ParseError, 400, "parse_error"),
    (errors.UnsupportedQuery, 400, "unsupported_query"),
    (errors.QueryError, 400, "query_error"),
    (errors.Overloaded, 429, "overloaded"),
    (errors.StoreUnavailable, 503, "store_unavailable"),
    (errors.DiskFull, 507, "disk_full"),
    (errors.StoreError, 500, "store_error"),
)
HTTP_TYPES = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large", 415: "unsupported_media_type"}


class ErrorBody(BaseModel):
    """What went wrong. `position` counts characters from 0 in the text of a query."""

    type: str
    message: str
    hint: str | None = None
    position: int | None = None


class ErrorAnswer(BaseModel):
    """The body of every error."""

    error: ErrorBody


# For OpenAPI: what every route may answer instead of its data.
ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": text}
    for status, text in {
        400: "A parameter or a query is wrong.",
        401: "No valid credential.",
        403: "The credential lacks the scope.",
        404: "There is no such thing.",
        422: "The query met a limit: ask for less.",
        429: "Too many queries run: wait for `Retry-After`.",
        503: "The store is not there.",
    }.items()
}


NoRoute = Callable[[Request, HTTPException], Response | None]


def install_error_handler(app: FastAPI, no_route: Mapping[str, NoRoute]) -> None:
    """Give every route of the app the one error shape. `no_route`: what may answer instead below a path."""
    app.add_exception_handler(errors.TraceoError, _answer_traceo_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, partial(_answer_http_error, no_route))
    app.add_exception_handler(Exception, _answer_bug)


def _choose(error: errors.TraceoError) -> tuple[int, str]:
    if isinstance(error, errors.LimitExceeded):  # waiting helps (429), or a smaller query does (422)
        return (422, "limit_exceeded") if error.retry_after_s is None else (429, "too_many_queries")
    return next(((status, name) for kind, status, name in STATUSES if isinstance(error, kind)), (500, "internal"))


def _answer(status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"type": kind, "message": message}}, status, headers=headers)


def _answer_traceo_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.TraceoError)
    return answer_error(error)


def describe_error(error: errors.TraceoError) -> tuple[int, dict[str, Any]]:
    """The status of its answer, and what an `ErrorBody` says."""
    status, kind = _choose(error)
    more = {name: getattr(error, name, None) for name in ("position", "hint")}
    return status, {"type": kind, "message": error.message, **{k: v for k, v in more.items() if v is not None}}


def answer_error(error: errors.TraceoError) -> JSONResponse:
    """The answer that says it."""
    status, body = describe_error(error)
    headers = {}
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status >= 500:
        logger.error("request failed: %s", error)
    return JSONResponse({"error": body}, status, headers=headers)


def _answer_validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("query", "body", "path"))
    return _answer(400, "invalid_request", f"{place}: {first['msg']}" if place else str(first["msg"]))


def _answer_http_error(no_route: Mapping[str, NoRoute], request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    for prefix, answer_no_route in no_route.items():
        if error.status_code in (404, 405) and request.url.path.startswith(prefix):
            answered = answer_no_route(request, error)
            if answered is not None:
                return answered
    message = f"there is no {request.url.path}" if error.status_code == 404 else str(error.detail)
    kind = HTTP_TYPES.get(error.status_code, "invalid_request")
    return _answer(error.status_code, kind, message, dict(error.headers or {}))


def _answer_bug(_: Request, error: Exception) -> JSONResponse:
    logger.error("request failed", exc_info=error)
    return _answer(500, "internal", "something broke in Traceo; its log says what")
