"""The envelope of every answer, and errors in Prometheus' shape with its HTTP statuses."""

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse

from traceo import errors
from traceo.api.compat.prometheus.encode import encode_json
from traceo.api.compat.route import CompatRoute

logger = logging.getLogger(__name__)

JSON_TYPE = "application/json"
TRUNCATED = "results truncated due to limit"
# The first that fits, so that a subclass stands before its parent.
KINDS: tuple[tuple[type[errors.TraceoError], int, str], ...] = (
    (errors.PayloadTooLarge, 413, "bad_data"),
    (errors.InvalidRequest, 400, "bad_data"),
    (errors.Unauthenticated, 401, "unauthenticated"),
    (errors.PermissionDenied, 403, "permission_denied"),
    (errors.NotFound, 404, "not_found"),
    (errors.ParseError, 400, "bad_data"),
    (errors.QueryCancelled, 499, "canceled"),
    (errors.QueryError, 422, "execution"),
    (errors.QueryTimeout, 503, "timeout"),
    (errors.Overloaded, 503, "timeout"),
    (errors.StoreUnavailable, 503, "unavailable"),
)


def answer_json(data: Any, warnings: Sequence[str] = (), infos: Sequence[str] = (), *, limit: int = 0) -> Response:
    """`{"status": "success", "data": ...}`; a list that is longer than `limit` (0: none) is cut, with a warning."""
    if limit and isinstance(data, list) and len(data) > limit:
        data, warnings = data[:limit], [*warnings, TRUNCATED]
    return Response(b"".join(_envelope([encode_json(data)], warnings, infos)), media_type=JSON_TYPE)


def answer_stream(data: Iterable[bytes], warnings: Sequence[str], infos: Sequence[str], *, small: bool) -> Response:
    """The same for data that is already JSON, in pieces, which are made in threads while others are sent."""
    if small:
        return Response(b"".join(_envelope(data, warnings, infos)), media_type=JSON_TYPE)
    return StreamingResponse(_envelope(data, warnings, infos), media_type=JSON_TYPE)


def _envelope(data: Iterable[bytes], warnings: Sequence[str], infos: Sequence[str]) -> Iterator[bytes]:
    yield b'{"status":"success","data":'
    yield from data
    for name, texts in (("warnings", warnings), ("infos", infos)):
        if texts:
            yield f',"{name}":'.encode() + encode_json(list(texts))
    yield b"}"


def answer_error(error: errors.TraceoError) -> Response:
    """`{"status": "error", "errorType", "error"}`."""
    status, kind = _choose(error)
    if status >= 500:
        logger.warning("query failed: %s", error)
    headers = {}
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _error_response(status, kind, error.message, headers)


def _choose(error: errors.TraceoError) -> tuple[int, str]:
    if isinstance(error, errors.LimitExceeded) and not isinstance(error, errors.QueryTimeout):
        # A smaller query helps, or (503) to wait.
        return (422, "execution") if error.retry_after_s is None else (503, "timeout")
    return next(((status, name) for kind, status, name in KINDS if isinstance(error, kind)), (500, "internal"))


def _error_response(status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> Response:
    body = encode_json({"status": "error", "errorType": kind, "error": message})
    return Response(body, status, headers, JSON_TYPE)


class PrometheusRoute(CompatRoute):
    """A route whose errors are in Prometheus' shape."""

    failed = staticmethod(answer_error)
