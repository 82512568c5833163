"""Zipkin's v2 JSON as OTLP spans: what `POST /api/v2/spans` takes.

By the mapping of OpenTelemetry's specification (sdk_exporters/zipkin.md), read backwards. A request with one span that
cannot be read is refused whole, as Zipkin does.
"""

from __future__ import annotations

from typing import Any

import orjson

from traceo.errors import InvalidRequest
from traceo.receivers.log_records import encode_pair
from traceo.receivers.span_records import ERROR, KINDS, STATUS_CODES, Span, check_times, encode_event

ENDPOINTS = (("localEndpoint", "net.host"), ("remoteEndpoint", "net.peer"))
FLAGS = (("shared", "zipkin.shared"), ("debug", "zipkin.debug"))


def read_zipkin(body: bytes) -> list[Span]:
    """The spans of a request. Raises InvalidRequest, with the number of the span, from 0, and what is wrong."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not valid JSON: {error}") from error
    if type(found) is not list:
        raise InvalidRequest("the body is not a JSON array of Zipkin v2 spans")
    spans = []
    for number, fields in enumerate(found):
        try:
            spans.append(_read_span(fields))
        except InvalidRequest as error:
            raise InvalidRequest(f"span {number}: {error}") from error
    return spans


def _read_span(fields: Any) -> Span:
    if type(fields) is not dict:
        raise InvalidRequest("an object is due")
    start, duration = _integer(fields, "timestamp"), _integer(fields, "duration")
    check_times(start, duration)
    tags = {key: _text(value, f"tag {key[:60]!r}") for key, value in _object(fields, "tags").items()}
    service = _text(_object(fields, "localEndpoint").get("serviceName"), "localEndpoint.serviceName")
    span = Span(
        _id(fields, "traceId", 16),
        _id(fields, "id", 8),
        _text(fields.get("name"), "name"),
        start,
        start + duration,
        parent_id=_id(fields, "parentId", 8) if fields.get("parentId") else b"",
        kind=_kind(fields, tags),
        resource=(("service.name", service),) if service else (),
    )
    _set_status(span, tags)
    span.attributes = [encode_pair(key, value) for key, value in tags.items()]
    for name, prefix in ENDPOINTS:
        span.attributes += _describe(_object(fields, name), name, prefix)
    span.attributes += [encode_pair(name, value=True) for flag, name in FLAGS if fields.get(flag) is True]
    span.events = [_read_annotation(item) for item in _list(fields, "annotations")]
    return span


def _kind(fields: dict[str, Any], tags: dict[str, str]) -> int:
    """A span without a kind is internal, unless a tag says more."""
    kind = _text(fields.get("kind"), "kind").upper()
    if not kind:
        said = tags.get("span.kind", "").upper()
        if said in KINDS:
            del tags["span.kind"]
        return KINDS.get(said, KINDS["INTERNAL"])
    if kind not in KINDS:
        raise InvalidRequest(f"kind {kind[:40]!r} is not known: CLIENT, SERVER, PRODUCER or CONSUMER")
    return KINDS[kind]


def _set_status(span: Span, tags: dict[str, str]) -> None:
    """By OpenTelemetry's tags, or by Zipkin's `error`: that it is there is the failure, its text is the reason."""
    code = tags.pop("otel.status_code", "").upper()
    span.code = STATUS_CODES.get(code, 0)
    described = tags.pop("otel.status_description", "")
    error = tags.get("error")
    if error is None or error.lower() == "false":
        span.message = described
        return
    span.code = ERROR
    if error.lower() in ("true", ""):
        del tags["error"]
        error = ""
    span.message = described or error


def _describe(endpoint: dict[str, Any], name: str, prefix: str) -> list[bytes]:
    pairs: list[tuple[str, str | int]] = []
    if name == "remoteEndpoint" and (service := _text(endpoint.get("serviceName"), f"{name}.serviceName")):
        pairs.append(("peer.service", service))
    if address := _text(endpoint.get("ipv4") or endpoint.get("ipv6"), f"{name}.ipv4"):
        pairs.append((f"{prefix}.ip", address))
    if port := _integer(endpoint, "port"):
        pairs.append((f"{prefix}.port", port))
    return [encode_pair(key, value) for key, value in pairs]


def _read_annotation(item: Any) -> bytes:
    if type(item) is not dict:
        raise InvalidRequest("annotations: an object with timestamp and value is due")
    return encode_event(_integer(item, "timestamp"), _text(item.get("value"), "annotations.value"))


def _id(fields: dict[str, Any], name: str, size: int) -> bytes:
    """A short id is one with zeros before it: trace ids have 64 or 128 bits."""
    text = fields.get(name)
    if type(text) is not str or not 0 < len(text) <= 2 * size:
        raise InvalidRequest(f"{name} is not 1 to {2 * size} hexadecimal digits")
    try:
        found = bytes.fromhex(text.zfill(2 * size))
    except ValueError as error:
        raise InvalidRequest(f"{name} {text!r} is not hexadecimal") from error
    if len(found) != size or not any(found):
        raise InvalidRequest(f"{name} {text!r} is not a valid id")
    return found


def _integer(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise InvalidRequest(f"{name} is not a whole number of zero or more")
    return value


def _text(value: Any, name: str) -> str:
    if value is None:
        return ""
    if type(value) is not str:
        raise InvalidRequest(f"{name} is not a text")
    return value


def _object(fields: dict[str, Any], name: str) -> dict[str, Any]:
    value = fields.get(name)
    if value is None:
        return {}
    if type(value) is not dict:
        raise InvalidRequest(f"{name} is not an object")
    return value


def _list(fields: dict[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    if value is None:
        return []
    if type(value) is not list:
        raise InvalidRequest(f"{name} is not an array")
    return value
