"""The data of ownership: who answers for a service, where its code and its runbook lie, how fast it ought to be."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any
from urllib.parse import urlsplit

from traceo.errors import InvalidRequest

MAX_TEXT, MAX_TIER, MAX_URL, MAX_SERVICE = 200, 50, 1000, 500
MAX_APDEX_MS = 3_600_000.0
URLS = ("repository", "runbook")


@dataclass(frozen=True, slots=True)
class Owner:
    """What one source says of a service; "" and None: it does not say. `apdex_ms`: what still satisfies."""

    team: str = ""
    on_call: str = ""
    repository: str = ""
    runbook: str = ""
    tier: str = ""
    apdex_ms: float | None = None


FIELDS = tuple(field.name for field in fields(Owner))


@dataclass(frozen=True, slots=True)
class Ownership:
    """What holds for a service. `sources`: who said each field; `overridden`: of which another says otherwise."""

    owner: Owner
    sources: Mapping[str, str]
    overridden: tuple[str, ...]

    def to_row(self) -> dict[str, Any]:
        """As the API shows it."""
        return {**asdict(self.owner), "sources": dict(self.sources), "overridden": list(self.overridden)}


def problem_of(field: str, value: object) -> str:
    """What is wrong with a field's value; "" if nothing is."""
    if field == "apdex_ms":
        fits = value is None or (isinstance(value, int | float) and 0 < value <= MAX_APDEX_MS and math.isfinite(value))
        return "" if fits else f"expected milliseconds above 0, at most {MAX_APDEX_MS:.0f}"
    limit = MAX_URL if field in URLS else MAX_TIER if field == "tier" else MAX_TEXT
    if not isinstance(value, str) or len(value) > limit or not value.isprintable():
        return f"expected up to {limit} characters, all printable"
    if field in URLS and value and not is_web_address(value):
        return "expected an address that begins with https:// or http://"
    return ""


def is_web_address(text: str) -> bool:
    """Whether a page may link to it: no `javascript:` and the like."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in text


def check_owner(service: str, owner: Owner) -> None:
    """Raises InvalidRequest, which names the field."""
    if problem := problem_of_service(service):
        raise InvalidRequest(f"service: {problem}")
    for field in FIELDS:
        if problem := problem_of(field, getattr(owner, field)):
            raise InvalidRequest(f"{field}: {problem}")
    if owner == Owner():
        raise InvalidRequest(f"nothing is said of the service: expected one at least of {', '.join(FIELDS)}")


def problem_of_service(service: str) -> str:
    """What is wrong with a service's name; "" if nothing is."""
    fits = 0 < len(service) <= MAX_SERVICE and service.isprintable()
    return "" if fits else f"expected a name of 1 to {MAX_SERVICE} characters, all printable"


def merge(said: Mapping[str, Owner]) -> Ownership | None:
    """Source -> what it says, the strongest first: of each field the first that is said. None: nobody says anything."""
    merged, sources, overridden = Owner(), {}, []
    for field in FIELDS:
        values = {name: value for name, owner in said.items() if (value := getattr(owner, field))}
        if not values:
            continue
        sources[field], value = next(iter(values.items()))
        merged = replace(merged, **{field: value})
        if any(other != value for other in values.values()):
            overridden.append(field)
    return Ownership(merged, sources, tuple(overridden)) if sources else None
