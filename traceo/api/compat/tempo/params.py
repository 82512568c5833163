"""Parameters as Tempo reads them: times are seconds of 1970, durations those of Go."""

import re
import time
from collections.abc import Mapping

from traceo.errors import InvalidRequest
from traceo.query.sql import TimeRange
from traceo.query.traceql.lexer import read_duration

HOUR_NS = 3600 * 10**9
MAX_LIMIT = 1000
SECONDS_DIGITS = 10  # a whole number that is longer counts nanoseconds
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d))+")
LOGFMT = re.compile(r'\s*([^\s=]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))')
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
INTRINSICS = {"name", "status", "kind", "duration"}


def read_range(query: Mapping[str, str], default_ns: int = HOUR_NS) -> TimeRange:
    """`start` and `end`; by default the last hour."""
    end = _read_time(query, "end", time.time_ns() + 10**9)
    return TimeRange(_read_time(query, "start", end - default_ns), end)


def _read_time(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not NUMBER.fullmatch(text):
        raise InvalidRequest(f"invalid {name}: {text[:40]!r} is no number of seconds")
    if "." not in text and len(text) > SECONDS_DIGITS:
        return int(text)
    return round(float(text) * 10**9)


def read_whole(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A positive whole number."""
    text = query.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or not 0 < int(text) <= most:
        raise InvalidRequest(f"invalid {name}: {text[:40]!r} is not 1 to {most}")
    return int(text)


def read_count(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A whole number, of which more than the most counts as the most."""
    text = query.get(name, "")
    if text and not text.isdecimal():
        raise InvalidRequest(f"invalid {name}: {text[:40]!r} is no whole number")
    return min(int(text[:9] or 0), most) if text else default


def read_step(query: Mapping[str, str], between: TimeRange) -> int:
    """Nanoseconds of `step`; by default about a hundred of whole seconds."""
    text = query.get("step", "")
    if not text:
        return max(int(between.seconds // 100), 1) * 10**9
    if NUMBER.fullmatch(text) and float(text) > 0:
        return round(float(text) * 10**9)
    if not DURATION.fullmatch(text) or not read_duration(text):
        raise InvalidRequest(f"invalid step: {text[:40]!r} is no duration such as 30s")
    return read_duration(text)


def query_of_tags(query: Mapping[str, str]) -> str:
    """TraceQL of the older search by tags (`service.name=shop http.status_code=500`) and durations."""
    conditions = []
    text, at = query.get("tags", "").strip(), 0
    while at < len(text):
        found = LOGFMT.match(text, at)
        if not found:
            raise InvalidRequest(f"invalid tags: {text[at:][:40]!r} is not of the form key=value")
        conditions.append(_condition(found[1], found[2] if found[2] is not None else found[3]))
        at = found.end()
    for name, sign in (("minDuration", ">="), ("maxDuration", "<=")):
        if limit := query.get(name, ""):
            if not DURATION.fullmatch(limit):
                raise InvalidRequest(f"invalid {name}: {limit[:40]!r} is no duration such as 100ms")
            conditions.append(f"traceDuration {sign} {limit}")
    return f"{{ {' && '.join(conditions)} }}"


def _condition(name: str, value: str) -> str:
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if name in INTRINSICS:
        return f"{name} = {quoted if name == 'name' else value}"
    if name == "error":
        return "status = error" if value == "true" else "status != error"
    key = f'."{name}"' if not re.fullmatch(r"[\w.-]+", name) else f".{name}"
    either = [f"{key} = {quoted}"]
    if NUMBER.fullmatch(value) or value in ("true", "false"):
        either.append(f"{key} = {value}")
    return f"({' || '.join(either)})"
