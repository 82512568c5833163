"""Parameters as Loki reads and refuses them: times, durations, limits, directions."""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends

from traceo.api.compat.prometheus.params import DURATION, NUMBER, UNITS_MS, Params, quote, read_params
from traceo.errors import InvalidRequest, LimitExceeded
from traceo.query.sql import TimeRange

DEFAULT_LIMIT, MAX_LIMIT = 100, 5000
HOUR_NS = 3600 * 10**9
MAX_POINTS = 11_000
SECONDS_DIGITS = 10  # a whole number that is longer counts nanoseconds
LAST_NS = (1 << 63) - 1
WHOLE = re.compile(r"[+-]?\d{1,19}", re.ASCII)
RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
GO_DURATION = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+")
GO_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
GO_UNITS_NS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": HOUR_NS,
}  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_STEP = "zero or negative query resolution step widths are not accepted. Try a positive integer"
TOO_MANY_POINTS = (
    "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter"
)

ParamsOf = Annotated[Params, Depends(read_params)]


@dataclass(frozen=True, slots=True)
class RangeParams:
    """What a query over a range asks for. `interval_ns`: lines closer than this to the last one are left out."""

    query: str
    between: TimeRange
    step_ns: int
    interval_ns: int
    limit: int
    forward: bool


def read_range_params(params: Params) -> RangeParams:
    """Of `query_range`. Raises InvalidRequest, LimitExceeded."""
    between = read_bounds(params)
    step = read_step(params, between)
    if (between.end_ns - between.start_ns) // step > MAX_POINTS:
        raise InvalidRequest(TOO_MANY_POINTS)
    interval = read_duration(params, "interval", 0)
    if interval < 0:
        raise InvalidRequest("interval must be >= 0")
    limit = read_limit(params)
    if limit > MAX_LIMIT:
        raise LimitExceeded(
            f"max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {MAX_LIMIT})"
        )
    return RangeParams(params.get("query"), between, step, interval, limit, read_forward(params))


def read_bounds(params: Params, default_ns: int = HOUR_NS) -> TimeRange:
    """`start`, `end`, `since`: up to, not including, the end."""
    now = time.time_ns()
    end = read_time(params, "end", now)
    since = read_duration(params, "since", default_ns)
    start = read_time(params, "start", min(end, now) - since)
    if end <= start:
        raise InvalidRequest("end timestamp must not be before or equal to start time")
    return TimeRange(max(start, -LAST_NS), min(end, LAST_NS))


def read_time(params: Params, name: str, default_ns: int) -> int:
    """Nanoseconds."""
    text = params.get(name)
    if not text:
        return default_ns
    if "." in text and NUMBER.fullmatch(text) and abs(float(text)) < 1 << 33:
        whole, _, fraction = text.lstrip("+-").partition(".")
        if "e" in fraction.lower():
            return round(float(text) * 10**9)
        return (-1 if text[0] == "-" else 1) * (int(whole or 0) * 10**9 + int(fraction[:9].ljust(9, "0")))
    if WHOLE.fullmatch(text) and abs(int(text)) <= LAST_NS:
        return int(text) * 10**9 if len(text) <= SECONDS_DIGITS else int(text)
    if found := RFC3339.fullmatch(text):
        try:
            moment = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00"))
        except ValueError as error:
            raise _bad(name, text, "timestamp") from error
        return (moment - EPOCH) // timedelta(seconds=1) * 10**9 + int((found[2] or "").ljust(9, "0"))
    raise _bad(name, text, "timestamp")


def read_duration(params: Params, name: str, default_ns: int) -> int:
    """Nanoseconds of seconds (`15`, `0.5`), of Prometheus' `1d` or of Go's `1h30m`."""
    text = params.get(name)
    if not text:
        return default_ns
    if NUMBER.fullmatch(text):
        nanoseconds = float(text) * 10**9
    elif found := DURATION.fullmatch(text):
        milliseconds = sum(int(part or 0) * unit for part, unit in zip(found.groups(), UNITS_MS, strict=True))
        nanoseconds = milliseconds * 10.0**6
    elif GO_DURATION.fullmatch(text):
        sign = -1 if text[0] == "-" else 1
        nanoseconds = sign * sum(float(number) * GO_UNITS_NS[unit] for number, unit in GO_PART.findall(text))
    else:
        raise _bad(name, text, "duration")
    if abs(nanoseconds) > LAST_NS:
        raise InvalidRequest(f"cannot parse {quote(text)} to a valid duration. It overflows int64")
    return round(nanoseconds)


def read_step(params: Params, between: TimeRange) -> int:
    """`step`; by default as Loki chooses it: 250 steps of whole seconds."""
    step = read_duration(params, "step", max(int(between.seconds // 250), 1) * 10**9)
    if step <= 0:
        raise InvalidRequest(NO_STEP)
    return step


def on_steps(between: TimeRange, step_ns: int) -> TimeRange:
    """The range from the step at or before its start to the one at or after its end, as Loki's front end moves it."""
    start, end = between.start_ns - between.start_ns % step_ns, between.end_ns + -between.end_ns % step_ns
    return TimeRange(max(start, -LAST_NS), min(end, LAST_NS))


def read_limit(params: Params, default: int = DEFAULT_LIMIT, name: str = "limit") -> int:
    """`limit`, which is positive."""
    text = params.get(name)
    if not text:
        return default
    if not WHOLE.fullmatch(text):
        raise InvalidRequest(f"strconv.Atoi: parsing {quote(text)}: invalid syntax")
    if int(text) <= 0:
        raise InvalidRequest(f"{name} must be a positive value")
    return int(text)


def read_forward(params: Params) -> bool:
    """`direction`."""
    text = params.get("direction", "backward")
    if text.lower() not in ("forward", "backward", ""):
        raise InvalidRequest(f"invalid direction '{text[:40]}'")
    return text.lower() == "forward"


def _bad(name: str, text: str, kind: str) -> InvalidRequest:
    return InvalidRequest(f"could not parse '{name}' parameter: cannot parse {quote(text[:80])} to a valid {kind}")
