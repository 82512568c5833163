"""Parameters of a request, from the URL and from a form in the body, as Prometheus reads and refuses them."""

import json
import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from urllib.parse import parse_qsl

from fastapi import Request

from traceo.errors import InvalidRequest, PayloadTooLarge

FORM = "application/x-www-form-urlencoded"
MAX_BODY = 10 << 20  # the limit of Go's net/http, and so of Prometheus
# Times that mean "no bound", in milliseconds, and the way in which Prometheus' clients write them.
MIN_TIME_MS, MAX_TIME_MS = -9223309901257974, 9223309901257974
NAMED_TIMES = {"-292273086-05-16T16:47:06Z": MIN_TIME_MS, "292277025-08-18T07:12:54.999999999Z": MAX_TIME_MS}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
UNITS_MS = (365 * 86_400_000, 7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1000, 1)
MAX_MS = (1 << 63) // 10**6
ESCAPED = re.compile(r"__|_([0-9a-fA-F]+)_")
T = TypeVar("T")


class Params:
    """The parameters of one request; the body's come before the URL's."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def get(self, name: str, default: str = "") -> str:
        """The first value of a name."""
        return next((value for key, value in self._pairs if key == name), default)

    def all(self, name: str) -> list[str]:
        """Every value of a name."""
        return [value for key, value in self._pairs if key == name]

    def time(self, name: str, default_ms: int | None = None) -> int:
        """Milliseconds since 1970; None as default: it must be there."""
        text = self.get(name)
        return default_ms if not text and default_ms is not None else self.read(name, parse_time)

    def duration(self, name: str, default_ms: int | None = None) -> int:
        """Milliseconds; None as default: it must be there."""
        text = self.get(name)
        return default_ms if not text and default_ms is not None else self.read(name, parse_duration)

    def limit(self) -> int:
        """`limit`; 0: none."""
        return self.read("limit", _parse_limit) if self.get("limit") else 0

    def count(self, name: str) -> int | None:
        """How many at the most; None: no limit."""
        text = self.get(name)
        if text and not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
            raise InvalidRequest(f"{name} must be a number")
        return int(text) if text and int(text) >= 0 else None

    def read(self, name: str, parse: Callable[[str], T]) -> T:
        """`parse` of a parameter's text; what it raises names the parameter."""
        try:
            return parse(self.get(name))
        except InvalidRequest as error:
            raise invalid_parameter(name, error.message) from error


def invalid_parameter(name: str, message: str) -> InvalidRequest:
    """The error of a parameter, in Prometheus' words."""
    return InvalidRequest(f'invalid parameter "{name}": {message}')


async def read_params(request: Request) -> Params:
    """Of GET and of a POSTed form. Raises PayloadTooLarge."""
    pairs = list(request.query_params.multi_items())
    if request.method == "POST" and request.headers.get("content-type", "").partition(";")[0].strip() == FORM:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                raise PayloadTooLarge("http: POST too large", limit_bytes=MAX_BODY)
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True) + pairs
    return Params(pairs)


def parse_time(text: str) -> int:
    """Milliseconds since 1970 of unix seconds or RFC 3339. Raises InvalidRequest."""
    if NUMBER.fullmatch(text) and abs(float(text)) * 1000 < 1 << 63:
        fraction, whole = math.modf(float(text))
        return int(whole) * 1000 + round(fraction * 1000)
    if text in NAMED_TIMES:
        return NAMED_TIMES[text]
    if RFC3339.fullmatch(text):
        try:
            return math.floor(datetime.fromisoformat(text).timestamp() * 1000 + 1e-4)
        except ValueError:
            pass
    raise InvalidRequest(f"cannot parse {quote(text)} to a valid timestamp")


def parse_duration(text: str) -> int:
    """Milliseconds of seconds (`15`, `0.5`) or of `1h30m`. Raises InvalidRequest."""
    number = NUMBER.fullmatch(text)
    found = DURATION.fullmatch(text)
    if number:
        milliseconds = float(text) * 1000
    elif text and found:
        milliseconds = float(sum(int(part or 0) * unit for part, unit in zip(found.groups(), UNITS_MS, strict=True)))
    else:
        raise InvalidRequest(f"cannot parse {quote(text)} to a valid duration")
    if abs(milliseconds) > MAX_MS:
        raise InvalidRequest(f"cannot parse {quote(text)} to a valid duration. It overflows int64")
    return int(milliseconds)


def unescape_label_name(name: str) -> str:
    """`U__http_2e_code` -> `http.code`: how a name of any characters is written in a path."""
    if not name.startswith("U__"):
        return name
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else "_", name[3:])


def quote(text: str) -> str:
    """As Go's %q writes it."""
    return json.dumps(text, ensure_ascii=False)


def _parse_limit(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        raise InvalidRequest(f"strconv.Atoi: parsing {quote(text)}: invalid syntax")
    if int(text) < 0:
        raise InvalidRequest("limit must be non-negative")
    return int(text)
