"""Parameters as Jaeger reads them: times are microseconds of 1970, durations those of Go."""

import json
import re
import time

from starlette.datastructures import QueryParams

from traceo.api.compat.tempo.params import DURATION
from traceo.errors import InvalidRequest
from traceo.query.sql import TimeRange
from traceo.query.traceql.field_parser import KINDS
from traceo.query.traceql.lexer import read_duration

DEFAULT_LIMIT, MAX_LIMIT = 100, 1500
DAY_NS = 24 * 3600 * 10**9
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def read_range(asked: QueryParams, default_ns: int = 2 * DAY_NS) -> TimeRange:
    """`start` and `end`, or `lookback`."""
    end = read_micros(asked, "end", time.time_ns() + 10**9)
    lookback = asked.get("lookback", "")
    length = read_duration(lookback) if DURATION.fullmatch(lookback) else default_ns
    return TimeRange(read_micros(asked, "start", end - length), end)


def read_micros(asked: QueryParams, name: str, default_ns: int) -> int:
    """Nanoseconds."""
    text = asked.get(name, "")
    if not text:
        return default_ns
    if not text.isdecimal() or len(text) > 16:
        raise InvalidRequest(f"unable to parse param '{name}': {text[:40]!r} is no number of microseconds")
    return int(text) * 1000


def read_limit(asked: QueryParams) -> int:
    """How many traces."""
    text = asked.get("limit", "")
    if not text:
        return DEFAULT_LIMIT
    if not text.isdecimal() or not 0 < int(text) <= MAX_LIMIT:
        raise InvalidRequest(f"unable to parse param 'limit': {text[:40]!r} is not 1 to {MAX_LIMIT}")
    return int(text)


def query_of(asked: QueryParams) -> str:
    """TraceQL of a search by service, operation, tags and durations."""
    service = asked.get("service", "")
    if not service:
        raise InvalidRequest("parameter 'service' is required")
    conditions = [f"resource.service.name = {_quote(service)}"]
    if operation := asked.get("operation", ""):
        conditions.append(f"name = {_quote(operation)}")
    for name, sign in (("minDuration", ">="), ("maxDuration", "<=")):
        if text := asked.get(name, ""):
            if not DURATION.fullmatch(text):
                raise InvalidRequest(f"unable to parse param '{name}': {text[:40]!r} is no duration such as 100ms")
            conditions.append(f"duration {sign} {text}")
    conditions += [_condition(name, value) for name, value in _tags(asked)]
    return f"{{ {' && '.join(conditions)} }}"


def _tags(asked: QueryParams) -> list[tuple[str, str]]:
    """Of `tag=key:value` and of `tags={"key": "value"}`."""
    found: list[tuple[str, str]] = []
    for text in asked.getlist("tag"):
        name, colon, value = text.partition(":")
        if not colon or not name:
            raise InvalidRequest(f"malformed 'tag' parameter, expecting key:value, received: {text[:80]}")
        found.append((name, value))
    for text in asked.getlist("tags"):
        try:
            tags = json.loads(text)
        except ValueError as error:
            raise InvalidRequest(f"malformed 'tags' parameter, cannot unmarshal JSON: {error}") from error
        if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
            raise InvalidRequest("malformed 'tags' parameter, expecting a JSON object of texts")
        found += tags.items()
    return found


def _condition(name: str, value: str) -> str:
    if name == "error" and value in ("true", "false"):
        return f"status {'=' if value == 'true' else '!='} error"
    if name == "span.kind" and value in KINDS:
        return f"kind = {value}"
    key = f".{_quote(name)}"
    either = [f"{key} = {_quote(value)}"]
    if NUMBER.fullmatch(value) or value in ("true", "false"):
        either.append(f"{key} = {value}")
    return f"({' || '.join(either)})"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
