"""Times and durations as callers write them."""

import re
import time
from datetime import UTC, datetime, timedelta

from traceo.errors import InvalidRequest
from traceo.query.sql import TimeRange

UNITS_NS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 7 * 86400 * 10**9,
}
DURATION = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h|d|w)")
NUMBER = re.compile(r"-?\d{1,19}(\.\d{1,12})?")
RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Above this, a number counts nanoseconds: as seconds it would lie 3000 years ahead.
SMALLEST_NS = 10**11


def parse_time(text: str, now_ns: int | None = None) -> int:
    """Nanoseconds since 1970 of RFC 3339, unix seconds or nanoseconds, `now`, or `-1h` (from now). InvalidRequest."""
    text = text.strip() if text.isascii() else ""
    now = time.time_ns() if now_ns is None else now_ns
    if text == "now":
        return now
    if text[:1] in "+-" and DURATION.fullmatch(text[1:]):
        return now + (1 if text[0] == "+" else -1) * parse_duration(text[1:])
    if NUMBER.fullmatch(text):
        whole, _, fraction = text.partition(".")
        if not fraction and abs(int(whole)) >= SMALLEST_NS:
            return int(whole)
        sign = -1 if text.startswith("-") else 1
        return int(whole) * 10**9 + sign * int(fraction[:9].ljust(9, "0") or 0)
    found = RFC3339.fullmatch(text.replace(" ", "+") if text.count(" ") == 1 and "T" in text else text)
    if not found:
        raise InvalidRequest(f"{text[:60]!r} is not a time: 2026-01-31T12:00:00Z, unix seconds, -1h and now are")
    return _parse_rfc3339(found)


def parse_duration(text: str) -> int:
    """Nanoseconds of `250ms`, `1.5s`, `2h`. Raises InvalidRequest."""
    found = DURATION.fullmatch(text.strip())
    if not found:
        raise InvalidRequest(f"{text[:60]!r} is not a duration: 250ms, 1.5s and 2h are")
    whole, _, fraction = found[1].partition(".")
    unit = UNITS_NS[found[2]]
    return int(whole) * unit + int(fraction.ljust(9, "0") or 0) * unit // 10**9


def parse_range(start: str, end: str) -> TimeRange:
    """Both ends, relative to the same now. Raises InvalidRequest."""
    now = time.time_ns()
    return TimeRange(parse_time(start, now), parse_time(end, now))


def _parse_rfc3339(found: re.Match[str]) -> int:
    try:
        moment = datetime.fromisoformat(found[1].upper() + found[3].upper().replace("Z", "+00:00"))
    except ValueError as error:
        raise InvalidRequest(f"{found[0]!r} is not a time: {error}") from error
    seconds = (moment - EPOCH) // timedelta(seconds=1)
    return seconds * 10**9 + int((found[2] or "").ljust(9, "0"))
