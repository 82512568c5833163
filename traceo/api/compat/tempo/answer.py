"""Answers in Tempo's shape: JSON, errors as plain text; typed values as OTLP's JSON has them."""

from typing import Any

import orjson
from fastapi import Response

from traceo import errors
from traceo.api.compat.loki.answer import answer_error
from traceo.api.compat.route import CompatRoute


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


def answer_tempo_error(error: errors.TraceoError) -> Response:
    """Its message as text, with the place in a query."""
    if isinstance(error, errors.ParseError):
        place = f" at line 1, col {error.position + 1}" if error.position is not None else ""
        return answer_error(errors.QueryError(f"invalid TraceQL query: parse error{place}: {error.message}"))
    return answer_error(error)


class TempoRoute(CompatRoute):
    """A route whose errors are plain text with Tempo's statuses."""

    failed = staticmethod(answer_tempo_error)
