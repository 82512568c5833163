"""Spans from other protocols as an OTLP request: a lean writer of its protobuf, without a message object a span."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from traceo.errors import InvalidRequest
from traceo.receivers.log_records import encode_pair, encode_part

# Field tags of Span, Event and Link: opentelemetry/proto/trace/v1/trace.proto.
FIELD_1, FIELD_2, FIELD_3, FIELD_4, NAME = b"\x0a", b"\x12", b"\x1a", b"\x22", b"\x2a"
ATTRIBUTE, EVENT, LINK, STATUS = b"\x4a", b"\x5a", b"\x6a", b"\x7a"
TIMES, EVENT_TIME = struct.Struct("<BQBQ"), struct.Struct("<BQ")
START_TAG, END_TAG, EVENT_TIME_TAG, KIND_TAG, CODE_TAG = 0x39, 0x41, 0x09, 0x30, 0x18
KINDS = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
SERVER = KINDS["SERVER"]
OK, ERROR = 1, 2
STATUS_CODES = {"OK": OK, "ERROR": ERROR}
MAX_MICROSECONDS = (1 << 63) // 1000
Resource = tuple[tuple[str, object], ...]


@dataclass(slots=True)
class Span:
    """One span. Attributes, of its events too, are encoded key-value pairs; events and links are encoded messages."""

    trace_id: bytes
    span_id: bytes
    name: str
    start_us: int
    end_us: int
    parent_id: bytes = b""
    kind: int = 0
    code: int = 0
    message: str = ""
    trace_state: str = ""
    resource: Resource = ()
    attributes: list[bytes] = field(default_factory=list)
    events: list[bytes] = field(default_factory=list)
    links: list[bytes] = field(default_factory=list)


def check_times(start_us: int, duration_us: int) -> None:
    """Raises InvalidRequest for a time that has no place in nanoseconds since 1970, or for a negative duration."""
    if start_us < 0 or duration_us < 0 or start_us + duration_us >= MAX_MICROSECONDS:
        raise InvalidRequest(f"start {start_us} with duration {duration_us} is out of range: microseconds since 1970")


def encode_event(time_us: int, name: str, attributes: Iterable[bytes] = ()) -> bytes:
    """An encoded Event. Raises InvalidRequest for a time that is out of range."""
    check_times(time_us, 0)
    pairs = b"".join(encode_part(FIELD_3, pair) for pair in attributes)
    return EVENT_TIME.pack(EVENT_TIME_TAG, time_us * 1000) + encode_part(FIELD_2, name.encode()) + pairs


def encode_link(trace_id: bytes, span_id: bytes, attribute: bytes) -> bytes:
    """An encoded Link with one attribute."""
    return encode_part(FIELD_1, trace_id) + encode_part(FIELD_2, span_id) + encode_part(FIELD_4, attribute)


def encode_spans(scope: str, spans: Iterable[Span]) -> bytes:
    """An ExportTraceServiceRequest; `scope` names what took the spans."""
    by_resource: dict[Resource, list[bytes]] = {}
    for span in spans:
        by_resource.setdefault(span.resource, []).append(encode_part(FIELD_2, _encode_span(span)))
    named = encode_part(FIELD_1, encode_part(FIELD_1, scope.encode()))
    groups = []
    for resource, encoded in by_resource.items():
        pairs = b"".join(encode_part(FIELD_1, encode_pair(key, value)) for key, value in resource)
        content = encode_part(FIELD_1, pairs) + encode_part(FIELD_2, named + b"".join(encoded))
        groups.append(encode_part(FIELD_1, content))
    return b"".join(groups)


def _encode_span(span: Span) -> bytes:
    parts = [encode_part(FIELD_1, span.trace_id), encode_part(FIELD_2, span.span_id)]
    if span.trace_state:
        parts.append(encode_part(FIELD_3, span.trace_state.encode()))
    if span.parent_id:
        parts.append(encode_part(FIELD_4, span.parent_id))
    parts.append(encode_part(NAME, span.name.encode()))
    if span.kind:
        parts.append(bytes((KIND_TAG, span.kind)))
    parts.append(TIMES.pack(START_TAG, span.start_us * 1000, END_TAG, span.end_us * 1000))
    parts += [encode_part(ATTRIBUTE, pair) for pair in span.attributes]
    parts += [encode_part(EVENT, event) for event in span.events]
    parts += [encode_part(LINK, link) for link in span.links]
    if span.code:
        message = encode_part(FIELD_2, span.message.encode()) if span.message else b""
        parts.append(encode_part(STATUS, message + bytes((CODE_TAG, span.code))))
    return b"".join(parts)
