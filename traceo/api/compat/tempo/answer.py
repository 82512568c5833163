"""Answers in Tempo's shape: JSON, errors as plain text; typed values as OTLP's JSON has them."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from traceo import errors
from traceo.api.compat.loki.answer import answer_error
from traceo.api.compat.prometheus.compress import compress_for

logger = logging.getLogger(__name__)


def answer_json(body: Any) -> Response:
    """Any JSON."""
    return Response(orjson.dumps(body), media_type="application/json")


def any_value(value: Any) -> dict[str, Any]:
    """`AnyValue` in JSON."""
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case None:
            return {"stringValue": "nil"}
        case _:
            return {"stringValue": orjson.dumps(value).decode()}


def key_values(values: dict[str, Any]) -> list[dict[str, Any]]:
    """`KeyValue`s in JSON."""
    return [{"key": name, "value": any_value(value)} for name, value in values.items()]


class TempoRoute(APIRoute):
    """A route whose errors are plain text with Tempo's statuses."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See FastAPI."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return compress_for(request, await handle(request))
            except errors.ParseError as error:
                place = f" at line 1, col {error.position + 1}" if error.position is not None else ""
                return answer_error(errors.QueryError(f"invalid TraceQL query: parse error{place}: {error.message}"))
            except errors.TraceoError as error:
                return answer_error(error)
            except RequestValidationError as error:
                return answer_error(errors.InvalidRequest(str(error.errors()[0]["msg"])))
            except Exception:
                logger.exception("request failed")
                return Response("something broke in Traceo; its log says what\n", 500, media_type="text/plain")

        return answer
