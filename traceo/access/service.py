"""Authentication, and the tokens behind it."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from traceo.access.model import ALL_SCOPES, Principal, Scope, Token, check_tenant
from traceo.config import Config, is_loopback
from traceo.errors import ConfigError, InvalidRequest, NotFound, PermissionDenied, Unauthenticated
from traceo.state.database import begin, begin_writing
from traceo.state.tables import tenants, tokens

TOKEN_PREFIX = "tro_"  # noqa: S105  (so that secret scanners recognise a leaked token)
CACHE_TTL = timedelta(seconds=10)  # how long a revoked token may live on in another replica
CACHE_SIZE = 10_000
LAST_USED_STEP = timedelta(minutes=1)  # a coarse `last_used_at` keeps writes off the ingest path
GATEWAY_SCOPES = frozenset({Scope.INGEST, Scope.QUERY})


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Cached:
    token: Token | None
    read_at: datetime


class AccessService:
    """Turns credentials into principals, by the modes of `access.mode`, and manages tokens.

    Threads may share it. `authenticate` reads the database at most once per token and `CACHE_TTL`.
    """

    def __init__(self, engine: Engine, config: Config, now: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._mode = config.access_mode
        self._gateways = [ipaddress.ip_network(network) for network in config.access.trusted_gateways]
        self._default_tenant = config.access.default_tenant
        self._now = now
        self._cache: dict[bytes, _Cached] = {}
        try:
            check_tenant(self._default_tenant)
        except InvalidRequest as error:
            raise ConfigError(f"access.default_tenant: {error}") from error

    def authenticate(self, authorization: str | None, x_scope_orgid: str | None, peer_ip: str) -> Principal:
        """Who calls, from the two header values (None: not sent) and the address of the connection's other end.

        A token decides wherever one is sent. Without one: open mode takes everybody, as the tenant that a loopback peer
        or a trusted gateway names, else the default one; gateway mode takes trusted gateways that name a tenant.
        Raises Unauthenticated, PermissionDenied, InvalidRequest (tenant name), StoreUnavailable.
        """
        secret = _read_secret(authorization)
        if secret is not None:
            return self._authenticate_token(secret, x_scope_orgid)
        if authorization and self._mode != "open":
            raise Unauthenticated(f"the credential is not a Traceo token ({TOKEN_PREFIX}…)")
        believed = self._is_gateway(peer_ip) or (self._mode == "open" and is_loopback(peer_ip))
        if self._mode == "open":
            tenant = check_tenant(x_scope_orgid) if x_scope_orgid and believed else self._default_tenant
            return Principal(tenant, ALL_SCOPES, "anonymous")
        if self._mode == "gateway" and believed:
            if not x_scope_orgid:
                raise Unauthenticated("the gateway named no tenant: X-Scope-OrgID is missing")
            return Principal(check_tenant(x_scope_orgid), GATEWAY_SCOPES, f"gateway {peer_ip}")
        raise Unauthenticated("a token is needed: send 'Authorization: Bearer tro_…', or it as the password of Basic")

    def create_token(
        self, tenant: str, name: str, scopes: Iterable[Scope], expires_at: datetime | None = None
    ) -> tuple[Token, str]:
        """A new token and its secret, which nobody can read again. Creates the tenant with its first token."""
        check_tenant(tenant)
        granted = sorted(set(scopes))
        if not granted or not 0 < len(name) <= 200:
            raise InvalidRequest("a token needs a name of 1 to 200 characters and at least one scope")
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        row = {
            "tenant": tenant,
            "name": name,
            "sha256": _digest(secret),
            "scopes": granted,
            "created_at": self._now(),
            "expires_at": expires_at,
        }
        with begin_writing(self._engine) as connection:
            self._ensure_tenant(connection, tenant)
            created = connection.execute(insert(tokens).values(row).returning(tokens)).one()
        return _to_token(created), secret

    def list_tokens(self, tenant: str) -> list[Token]:
        """All tokens of a tenant, revoked ones too, oldest first."""
        with begin(self._engine) as connection:
            rows = connection.execute(select(tokens).where(tokens.c.tenant == tenant).order_by(tokens.c.id))
            return [_to_token(row) for row in rows]

    def revoke_token(self, tenant: str, token_id: int) -> None:
        """End a token: here at once, in other replicas within `CACHE_TTL`. Raises NotFound."""
        mine = (tokens.c.tenant == tenant) & (tokens.c.id == token_id)
        with begin_writing(self._engine) as connection:
            if connection.execute(select(tokens.c.id).where(mine)).first() is None:
                raise NotFound(f"tenant {tenant} has no token {token_id}")
            connection.execute(update(tokens).where(mine, tokens.c.revoked_at.is_(None)).values(revoked_at=self._now()))
        self._cache.clear()

    def _authenticate_token(self, secret: str, x_scope_orgid: str | None) -> Principal:
        token = self._find_token(_digest(secret))
        if token is None or not token.is_valid(self._now()):
            raise Unauthenticated("the token is unknown, expired or revoked")
        if x_scope_orgid and x_scope_orgid != token.tenant:
            raise PermissionDenied(f"the token belongs to tenant {token.tenant}, but X-Scope-OrgID names another")
        return Principal(token.tenant, token.scopes, f"token {token.name}")

    def _find_token(self, digest: bytes) -> Token | None:
        """From the cache, which also remembers that a token is unknown, or from the database."""
        now = self._now()
        cached = self._cache.get(digest)
        if cached and timedelta() <= now - cached.read_at < CACHE_TTL:
            return cached.token
        token = self._read_token(digest, now)
        if len(self._cache) >= CACHE_SIZE:
            self._cache.clear()
        self._cache[digest] = _Cached(token, now)
        return token

    def _read_token(self, digest: bytes, now: datetime) -> Token | None:
        with begin(self._engine) as connection:
            row = connection.execute(select(tokens).where(tokens.c.sha256 == digest)).first()
            if row is None or not hmac.compare_digest(row.sha256, digest):
                return None
            token = _to_token(row)
        if token.is_valid(now) and (token.last_used_at is None or now - token.last_used_at >= LAST_USED_STEP):
            with begin_writing(self._engine) as connection:
                connection.execute(update(tokens).where(tokens.c.id == token.id).values(last_used_at=now))
        return token

    def _ensure_tenant(self, connection: Connection, tenant: str) -> None:
        if connection.execute(select(tenants.c.name).where(tenants.c.name == tenant)).first():
            return
        try:
            with connection.begin_nested():
                connection.execute(insert(tenants).values(name=tenant, created_at=self._now()))
        except IntegrityError:
            return  # another replica was faster

    def _is_gateway(self, peer_ip: str) -> bool:
        try:
            address = ipaddress.ip_address(peer_ip)
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._gateways)


def _read_secret(authorization: str | None) -> str | None:
    """The Traceo token of a Bearer or Basic credential (there: the password), or None."""
    scheme, _, credential = (authorization or "").strip().partition(" ")
    credential = credential.strip()
    if scheme.lower() == "basic":
        try:
            credential = base64.b64decode(credential, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    elif scheme.lower() != "bearer":
        return None
    return credential if credential.startswith(TOKEN_PREFIX) else None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _to_token(row: Row[tuple[object, ...]]) -> Token:
    return Token(
        id=row.id,
        tenant=row.tenant,
        name=row.name,
        scopes=frozenset(Scope(name) for name in row.scopes),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
