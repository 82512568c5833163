"""The data of access: scopes, principals, tokens, and what a tenant may be called."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from traceo.errors import InvalidRequest, PermissionDenied

TENANT_NAME = re.compile(r"[A-Za-z0-9!_.*'()-]{1,150}")


class Scope(StrEnum):
    """What a caller may do. Scopes are independent: `admin` does not include the others."""

    INGEST = "ingest"
    QUERY = "query"
    ADMIN = "admin"


ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: the one tenant whose data it may touch, what it may do, and its name for logs."""

    tenant: str
    scopes: frozenset[Scope]
    name: str

    def require(self, scope: Scope) -> "Principal":
        """The same principal, if it has the scope; PermissionDenied otherwise."""
        if scope not in self.scopes:
            raise PermissionDenied(f"{self.name} does not have the scope {scope}")
        return self


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it may be shown: everything but its secret."""

    id: int
    tenant: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        """Whether it opens the door at this time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def check_tenant(name: str) -> str:
    """The name, if it follows Mimir's rule for tenants; InvalidRequest otherwise."""
    if not TENANT_NAME.fullmatch(name) or name in (".", ".."):
        raise InvalidRequest(
            f"tenant {name[:160]!r} is not valid: 1 to 150 of letters, digits and !_.*'()- are, except '.' and '..'"
        )
    return name
