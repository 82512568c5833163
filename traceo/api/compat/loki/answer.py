"""Answers in Loki's shape: JSON with `status` and `data`, errors as plain text with Loki's statuses."""

import logging
import math
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import Response

from traceo import errors
from traceo.api.compat.route import CompatRoute

logger = logging.getLogger(__name__)

# The first that fits, so that a subclass stands before its parent.
STATUSES: tuple[tuple[type[errors.TraceoError], int], ...] = (
    (errors.PayloadTooLarge, 413),
    (errors.InvalidRequest, 400),
    (errors.Unauthenticated, 401),
    (errors.PermissionDenied, 403),
    (errors.NotFound, 404),
    (errors.QueryCancelled, 499),
    (errors.QueryError, 400),
    (errors.QueryTimeout, 504),
    (errors.Overloaded, 429),
    (errors.StoreUnavailable, 503),
)


def answer_json(body: Any) -> Response:
    """Any JSON."""
    return Response(orjson.dumps(body), media_type="application/json")


def answer_data(data: Any, warnings: Sequence[str] = ()) -> Response:
    """`{"status": "success", "data": ...}`."""
    return answer_json({"status": "success", **({"warnings": list(warnings)} if warnings else {}), "data": data})


def answer_error(error: errors.TraceoError) -> Response:
    """Its message as text."""
    status = _choose(error)
    if status >= 500:
        logger.warning("query failed: %s", error)
    headers = {}
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _text(status, error.message, headers)


def _choose(error: errors.TraceoError) -> int:
    if isinstance(error, errors.LimitExceeded) and not isinstance(error, errors.QueryTimeout):
        return 400 if error.retry_after_s is None else 429  # a smaller query helps, or to wait
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def _text(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return Response(f"{message}\n", status, headers, "text/plain; charset=utf-8")


class LokiRoute(CompatRoute):
    """A route whose errors are in Loki's shape."""

    failed = staticmethod(answer_error)
