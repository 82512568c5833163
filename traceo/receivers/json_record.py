"""One JSON object as a log record: which field is its time, message, level and service, and what becomes of the rest.

Nested objects are flattened with dots. The first field of a role that is there has it; it is no attribute then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from traceo.errors import InvalidRequest
from traceo.receivers.log_records import MAX_LINE, Record, encode_pair, severity_of

TIMES = ("@timestamp", "timestamp", "time", "_time", "ts", "date")
MESSAGES = ("message", "msg", "_msg", "log", "body", "event.original")
LEVELS = ("level", "log.level", "severity", "severity_text", "levelname", "lvl", "loglevel")
SERVICES = (
    *("service.name", "service", "service_name", "app", "application"),
    *("kubernetes.labels.app_kubernetes_io/name", "kubernetes.labels.app", "kubernetes.container_name"),
    *("kubernetes.container.name", "container.name", "container_name", "program", "appname", "fields.service"),
)
HOSTS = ("host.name", "hostname", "host")
TRACE_IDS, SPAN_IDS = ("trace_id", "trace.id", "traceId", "traceID"), ("span_id", "span.id", "spanId", "spanID")
MAX_FIELDS, MAX_DEPTH = 1000, 20
FRACTION = re.compile(r"[.,](\d{1,9})\d*")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Seconds, milliseconds, microseconds or nanoseconds, by the size of the number: clear until the year 5138.
SECONDS, MILLISECONDS, MICROSECONDS = 10**11, 10**14, 10**17


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of fields by their role, the first that is there; `stream`: those that describe the resource, too."""

    times: tuple[str, ...] = TIMES
    messages: tuple[str, ...] = MESSAGES
    levels: tuple[str, ...] = LEVELS
    services: tuple[str, ...] = SERVICES
    stream: tuple[str, ...] = ()
    extra: tuple[tuple[str, str], ...] = field(default=())  # attributes of every record


def parse_line(line: bytes) -> dict[str, Any]:
    """The object that a line is. Raises InvalidRequest with what is wrong."""
    if len(line) > MAX_LINE:
        raise InvalidRequest(f"the line has {len(line)} bytes, more than {MAX_LINE}")
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"not valid JSON: {error}") from error
    if type(found) is not dict:
        raise InvalidRequest(f"a JSON {type(found).__name__} is no log record: an object is")
    return found


def make_record(found: dict[str, Any], line: bytes, roles: Roles) -> Record:
    """The record of an object. One without a message has the whole line for its body. Raises InvalidRequest."""
    fields: dict[str, Any] = {}
    if any(type(value) is dict for value in found.values()):
        fields.update(_flatten(found, "", MAX_DEPTH))
    else:
        fields = found
    if len(fields) > MAX_FIELDS:
        raise InvalidRequest(f"{len(fields)} fields are more than {MAX_FIELDS}")
    record = Record(resource=_take_resource(fields, roles))
    moment, message, level = (_take(fields, names) for names in (roles.times, roles.messages, roles.levels))
    if moment is not None:
        record.time_ns = read_time(moment)
    record.body = line if message is None else _to_bytes(message)
    if level is not None:
        record.severity_text = str(level)[:64]
        record.severity = severity_of(record.severity_text)
    record.trace_id = _take_id(fields, TRACE_IDS, 16)
    record.span_id = _take_id(fields, SPAN_IDS, 8)
    try:
        record.attributes = [encode_pair(key, value) for key, value in fields.items() if value is not None]
    except ValueError as error:
        raise InvalidRequest(f"a field cannot be stored: {error}") from error
    for pair in roles.extra:
        record.attributes.append(encode_pair(*pair))
    return record


def read_time(value: Any) -> int:
    """Nanoseconds since 1970 of RFC 3339 (a time without a zone is UTC), or of a number. Raises InvalidRequest."""
    try:
        if type(value) is str:
            return _parse_text(value) if not _is_number(value) else _scale(float(value) if "." in value else int(value))
        if type(value) in (int, float):
            return _scale(value)
    except (ValueError, OverflowError):
        pass
    raise InvalidRequest(f"{str(value)[:60]!r} is not a time: RFC 3339, or a number of unix seconds, ms, us or ns")


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal() and text.isascii()


def _parse_text(text: str) -> int:
    """Python's reader drops what is below a microsecond."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    microseconds = (moment - EPOCH) // timedelta(microseconds=1)
    fraction = FRACTION.search(text, 19)
    rest = int(fraction[1].ljust(9, "0")) % 1000 if fraction else 0
    return _in_range(microseconds * 1000 + rest)


def _scale(number: float) -> int:
    size = abs(number)
    factor = 10**9 if size < SECONDS else 10**6 if size < MILLISECONDS else 1000 if size < MICROSECONDS else 1
    if type(number) is int:
        return _in_range(number * factor)
    return _in_range(round(number * 10**6) * (factor // 10**6) if factor == 10**9 else round(number * factor))


def _in_range(time_ns: int) -> int:
    if not 0 <= time_ns < 1 << 63:
        raise ValueError("out of range")
    return time_ns


def _flatten(found: dict[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    if not depth:
        raise InvalidRequest(f"objects are nested more than {MAX_DEPTH} deep")
    for key, value in found.items():
        if type(value) is dict:
            yield from _flatten(value, f"{prefix}{key}.", depth - 1)
        else:
            yield prefix + key, value


def _take(fields: dict[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        if fields.get(name) not in (None, ""):
            return fields.pop(name)
    return None


def _take_resource(fields: dict[str, Any], roles: Roles) -> tuple[tuple[str, str], ...]:
    pairs = []
    for name, names in (("service.name", roles.services), ("host.name", HOSTS)):
        value = _take_text(fields, names)
        if value:
            pairs.append((name, value))
    for name in roles.stream:
        if name in fields and (value := fields.pop(name)) is not None:
            pairs.append((name, value if type(value) is str else orjson.dumps(value).decode()))
    return tuple(pairs)


def _take_text(fields: dict[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = fields.get(name)
        if type(value) is str and value:
            del fields[name]
            return value
    return ""


def _take_id(fields: dict[str, Any], names: tuple[str, ...], size: int) -> bytes:
    """An id in hexadecimal; anything else of that name stays an attribute."""
    for name in names:
        value = fields.get(name)
        if type(value) is str and len(value) == 2 * size:
            try:
                found = bytes.fromhex(value)
            except ValueError:
                continue
            del fields[name]
            return found
    return b""


def _to_bytes(value: Any) -> bytes:
    return value.encode() if type(value) is str else orjson.dumps(value)
