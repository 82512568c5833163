"""What `ip("...")` and a path of `json` mean: read when the query is parsed, so that mistakes have places."""

from __future__ import annotations

import ipaddress
import re

from traceo.errors import ParseError

PATH_PART = re.compile(r'\.?([a-zA-Z_]\w*)|\["((?:[^"\\]|\\.)*)"\]|\[(\d{1,9})\]')


def networks_of(text: str, at: int) -> list[str]:
    """The networks that an address, a network or a range `a-b` covers. Raises ParseError for anything else."""
    try:
        if "-" in text:
            first, last = (ipaddress.ip_address(part.strip()) for part in text.split("-", 1))
            if first.version != last.version or int(first) > int(last):
                raise ValueError
            return [str(network) for network in ipaddress.summarize_address_range(first, last)]
        return [str(ipaddress.ip_network(text, strict=False))]
    except ValueError as error:
        raise ParseError(
            f"{text[:60]!r} is no address", position=at, hint="192.168.4.5, 192.168.4.1-192.168.4.20 or 192.168.4.0/24"
        ) from error


def parse_path(path: str, at: int) -> list[str | int]:
    """Names, and places from 0, of `request.headers["x"][0]`. Raises ParseError."""
    keys: list[str | int] = []
    place = 0
    while place < len(path):
        found = PATH_PART.match(path, place)
        if not found:
            raise ParseError(f"cannot parse the expression {path[:80]!r} at character {place + 1}", position=at)
        keys.append(int(found[3]) if found[3] else found[1] or re.sub(r"\\(.)", r"\1", found[2]))
        place = found.end()
    return keys
