"""Jaeger's Thrift `Batch` as OTLP spans: what `POST /api/traces` takes.

By the mapping of OpenTelemetry's specification (sdk_exporters/jaeger.md), read backwards. A batch with one span that
cannot be read is refused whole.
"""

from __future__ import annotations

from typing import Any

from traceo.errors import InvalidRequest
from traceo.receivers.log_records import encode_pair
from traceo.receivers.span_records import (
    ERROR,
    KINDS,
    SERVER,
    STATUS_CODES,
    Resource,
    Span,
    check_times,
    encode_event,
    encode_link,
)
from traceo.receivers.thrift import Fields, read_struct

# Field numbers of jaeger.thrift.
PROCESS, SPANS = 1, 2
SERVICE, PROCESS_TAGS = 1, 2
TRACE_LOW, TRACE_HIGH, SPAN_ID, PARENT_ID, OPERATION, REFERENCES, FLAGS, START, DURATION, TAGS, LOGS = range(1, 12)
REF_TYPE, REF_LOW, REF_HIGH, REF_SPAN = 1, 2, 3, 4
LOG_TIME, LOG_FIELDS = 1, 2
KEY, TYPE = 1, 2
VALUES = {0: (3, bytes), 1: (4, float), 2: (5, bool), 3: (6, int), 4: (7, bytes)}  # by type: its field
TEXT_TYPE, TEXT = 0, 3
REF_TYPES = {0: "child_of", 1: "follows_from"}
DEBUG = 2
RENAMED = {"hostname": "host.name"}
Tags = dict[str, Any]


def read_jaeger(body: bytes) -> list[Span]:
    """The spans of a batch. Raises InvalidRequest, with the number of the span, from 0, and what is wrong."""
    batch = read_struct(body)
    resource = _read_process(_get(batch, PROCESS, dict, "process", {}))
    spans = []
    for number, fields in enumerate(_get(batch, SPANS, list, "spans", None)):
        try:
            spans.append(_read_span(fields, resource))
        except InvalidRequest as error:
            raise InvalidRequest(f"span {number}: {error}") from error
    return spans


def _read_process(process: Fields) -> Resource:
    tags = _read_tags(_get(process, PROCESS_TAGS, list, "process.tags", []))
    found = {RENAMED.get(key, key): value for key, value in tags.items()}
    if service := _text(_get(process, SERVICE, bytes, "process.serviceName", b"")):
        found["service.name"] = service
    return tuple(found.items())


def _read_span(fields: Any, resource: Resource) -> Span:
    if type(fields) is not dict:
        raise InvalidRequest("a struct is due")
    start, duration = _get(fields, START, int, "startTime", 0), _get(fields, DURATION, int, "duration", 0)
    check_times(start, duration)
    tags = _read_tags(_get(fields, TAGS, list, "tags", []))
    span = Span(
        _trace_id(fields, TRACE_LOW, TRACE_HIGH),
        _span_id(fields, SPAN_ID, "spanId"),
        _text(_get(fields, OPERATION, bytes, "operationName", b"")),
        start,
        start + duration,
        kind=_kind(tags),
        trace_state=str(tags.pop("w3c.tracestate", "")),
        resource=resource,
    )
    _set_status(span, tags)
    _set_references(span, fields)
    span.attributes = [encode_pair(key, value) for key, value in tags.items()]
    if _get(fields, FLAGS, int, "flags", 0) & DEBUG:
        span.attributes.append(encode_pair("jaeger.debug", value=True))
    span.events = [_read_log(log) for log in _get(fields, LOGS, list, "logs", [])]
    return span


def _kind(tags: Tags) -> int:
    kind = KINDS.get(str(tags.get("span.kind", "")).upper(), 0)
    if kind:
        del tags["span.kind"]
    return kind


def _set_status(span: Span, tags: Tags) -> None:
    """By `error`, then OpenTelemetry's tag, then the status of HTTP: a client's error is none of its server's."""
    code = str(tags.pop("otel.status_code", "")).upper()
    span.message = str(tags.pop("otel.status_description", ""))
    if str(tags.get("error", "")).lower() == "true":
        del tags["error"]
        span.code = ERROR
    elif code:
        span.code = STATUS_CODES.get(code, 0)
    else:
        http = str(tags.get("http.status_code", ""))
        least = 500 if span.kind == SERVER else 400
        span.code = ERROR if http.isdecimal() and len(http) == 3 and int(http) >= least else 0


def _set_references(span: Span, fields: Fields) -> None:
    """The parent, by its own field or the first CHILD_OF within the trace; all other references are links."""
    if _get(fields, PARENT_ID, int, "parentSpanId", 0):
        span.parent_id = _span_id(fields, PARENT_ID, "parentSpanId")
    for reference in _get(fields, REFERENCES, list, "references", []):
        if type(reference) is not dict:
            raise InvalidRequest("references: a struct is due")
        kind = REF_TYPES.get(_get(reference, REF_TYPE, int, "refType", 0), "child_of")
        trace_id = _trace_id(reference, REF_LOW, REF_HIGH)
        span_id = _span_id(reference, REF_SPAN, "references.spanId")
        if kind == "child_of" and trace_id == span.trace_id and span.parent_id in (b"", span_id):
            span.parent_id = span_id
        else:
            span.links.append(encode_link(trace_id, span_id, encode_pair("opentracing.ref_type", kind)))


def _read_log(log: Any) -> bytes:
    if type(log) is not dict:
        raise InvalidRequest("logs: a struct is due")
    fields = _read_tags(_get(log, LOG_FIELDS, list, "logs.fields", []))
    name = str(fields.pop("event", ""))
    pairs = [encode_pair(key, value) for key, value in fields.items()]
    return encode_event(_get(log, LOG_TIME, int, "logs.timestamp", 0), name, pairs)


def _read_tags(tags: list[Any]) -> Tags:
    found: Tags = {}
    for tag in tags:
        if type(tag) is not dict:
            raise InvalidRequest("tags: a struct is due")
        name, text = tag.get(KEY), tag.get(TEXT)
        if type(name) is bytes and type(text) is bytes and tag.get(TYPE) == TEXT_TYPE:  # most of all
            found[name.decode("utf-8", "replace")] = text.decode("utf-8", "replace")
            continue
        key = _text(_get(tag, KEY, bytes, "key of a tag", b""))
        kind = _get(tag, TYPE, int, "type of a tag", TEXT_TYPE)
        if kind not in VALUES:
            raise InvalidRequest(f"tag {key[:60]!r} has the type {kind}, which is not known")
        number, type_ = VALUES[kind]
        value = _get(tag, number, type_, f"value of tag {key[:60]!r}", type_())
        found[key] = _text(value) if kind == TEXT_TYPE else value
    return found


def _trace_id(fields: Fields, low: int, high: int) -> bytes:
    parts = (_get(fields, number, int, "traceId", 0) for number in (high, low))
    found = b"".join(part.to_bytes(8, "big", signed=True) for part in parts)
    if not any(found):
        raise InvalidRequest("the trace id is missing or zero")
    return found


def _span_id(fields: Fields, number: int, name: str) -> bytes:
    value = _get(fields, number, int, name, 0)
    if not value:
        raise InvalidRequest(f"{name} is missing or zero")
    return bytes(value.to_bytes(8, "big", signed=True))


def _get(fields: Fields, number: int, type_: type, name: str, default: Any) -> Any:
    value = fields.get(number, default)
    if type(value) is not type_:
        raise InvalidRequest(f"{name} is missing or of a wrong type")
    return value


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
