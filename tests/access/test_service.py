"""Authentication by mode, and the life of a token, on SQLite and PostgreSQL."""

import base64
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, update

from traceo.access.model import ALL_SCOPES, Scope, Token, check_tenant
from traceo.access.service import CACHE_TTL, LAST_USED_STEP, AccessService
from traceo.config import Access, Config, Server
from traceo.errors import ConfigError, InvalidRequest, NotFound, PermissionDenied, Unauthenticated
from traceo.state.database import begin, open_state
from traceo.state.leases import Lease
from traceo.state.tables import tokens

LOCAL, GATEWAY, STRANGER = "127.0.0.1", "10.1.2.3", "192.0.2.7"


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, step: timedelta) -> None:
        self.now += step


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(state_url: str) -> Iterator[Engine]:
    engine = open_state(state_url)
    yield engine
    engine.dispose()


def service_for(engine: Engine, clock: Clock, mode: str) -> AccessService:
    access = Access(mode=mode, trusted_gateways=("10.0.0.0/8",), default_tenant="main")  # type: ignore[arg-type]
    return AccessService(engine, Config(server=Server(host="0.0.0.0"), access=access), clock)


@pytest.fixture
def service(engine: Engine, clock: Clock) -> AccessService:
    return service_for(engine, clock, "token")


@pytest.fixture
def issued(service: AccessService) -> tuple[Token, str]:
    return service.create_token("shop", "agent", [Scope.INGEST])


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def count_statements(engine: Engine) -> list[str]:
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    return seen


def test_token_names_its_tenant_and_scopes(service: AccessService, issued: tuple[Token, str]) -> None:
    _, secret = issued
    assert secret.startswith("tro_")
    principal = service.authenticate(f"Bearer {secret}", None, STRANGER)
    assert (principal.tenant, principal.scopes, principal.name) == ("shop", {Scope.INGEST}, "token agent")


@pytest.mark.parametrize("mode", ["open", "token", "gateway"])
def test_token_counts_in_every_mode(engine: Engine, clock: Clock, issued: tuple[Token, str], mode: str) -> None:
    principal = service_for(engine, clock, mode).authenticate(f"Bearer {issued[1]}", None, LOCAL)
    assert principal.tenant == "shop"


def test_token_is_taken_from_basic_and_from_any_case(service: AccessService, issued: tuple[Token, str]) -> None:
    for header in (basic("anyone", issued[1]), basic("", issued[1]), f"bearer  {issued[1]}", f"BEARER {issued[1]}"):
        assert service.authenticate(header, None, STRANGER).tenant == "shop"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", "Basic", "Basic %%%", "Basic /w==", "Digest tro_x", "tro_x"]
)
def test_other_credentials_are_refused(service: AccessService, header: str) -> None:
    with pytest.raises(Unauthenticated):
        service.authenticate(header, None, LOCAL)


@pytest.mark.parametrize("mode", ["open", "token", "gateway"])
def test_unknown_token_is_refused_in_every_mode(engine: Engine, clock: Clock, mode: str) -> None:
    with pytest.raises(Unauthenticated, match="unknown, expired or revoked"):
        service_for(engine, clock, mode).authenticate("Bearer tro_unknown", None, LOCAL)


def test_token_mode_believes_no_header_alone(service: AccessService) -> None:
    for peer in (LOCAL, GATEWAY, STRANGER):
        with pytest.raises(Unauthenticated, match="a token is needed"):
            service.authenticate(None, "shop", peer)


def test_header_may_repeat_but_not_change_the_tokens_tenant(service: AccessService, issued: tuple[Token, str]) -> None:
    assert service.authenticate(f"Bearer {issued[1]}", "shop", GATEWAY).tenant == "shop"
    with pytest.raises(PermissionDenied, match="names another"):
        service.authenticate(f"Bearer {issued[1]}", "other", GATEWAY)


@pytest.mark.parametrize(
    ("peer", "tenant"),
    [(LOCAL, "team-a"), ("::1", "team-a"), (GATEWAY, "team-a"), (STRANGER, "main"), ("", "main"), ("unix:", "main")],
)
def test_open_mode_believes_the_header_of_near_peers(engine: Engine, clock: Clock, peer: str, tenant: str) -> None:
    service = service_for(engine, clock, "open")
    principal = service.authenticate(None, "team-a", peer)
    assert (principal.tenant, principal.scopes) == (tenant, ALL_SCOPES)
    assert service.authenticate(None, None, peer).tenant == "main"
    assert service.authenticate(basic("proxy", "password"), None, peer).tenant == "main"


def test_gateway_mode_takes_gateways_that_name_a_tenant(engine: Engine, clock: Clock) -> None:
    service = service_for(engine, clock, "gateway")
    for peer in (GATEWAY, f"::ffff:{GATEWAY}"):
        principal = service.authenticate(None, "team-a", peer)
        assert (principal.tenant, principal.scopes) == ("team-a", {Scope.INGEST, Scope.QUERY})
    with pytest.raises(Unauthenticated, match="X-Scope-OrgID is missing"):
        service.authenticate(None, None, GATEWAY)
    for peer in (LOCAL, STRANGER, "testclient"):
        with pytest.raises(Unauthenticated, match="a token is needed"):
            service.authenticate(None, "team-a", peer)


def test_believed_header_must_be_a_tenant_name(engine: Engine, clock: Clock) -> None:
    for mode in ("open", "gateway"):
        with pytest.raises(InvalidRequest, match="tenant"):
            service_for(engine, clock, mode).authenticate(None, "a/b", GATEWAY)


def test_expired_token_is_refused(service: AccessService, clock: Clock) -> None:
    _, secret = service.create_token("shop", "short", [Scope.QUERY], clock() + timedelta(seconds=5))
    service.authenticate(f"Bearer {secret}", None, STRANGER)
    clock.advance(timedelta(seconds=5))  # still within the cache's time
    with pytest.raises(Unauthenticated):
        service.authenticate(f"Bearer {secret}", None, STRANGER)


def test_revoked_token_is_refused_here_at_once_and_elsewhere_soon(
    engine: Engine, clock: Clock, service: AccessService, issued: tuple[Token, str]
) -> None:
    token, secret = issued
    replica = service_for(engine, clock, "token")
    for each in (service, replica):
        each.authenticate(f"Bearer {secret}", None, STRANGER)
    service.revoke_token("shop", token.id)
    with pytest.raises(Unauthenticated):
        service.authenticate(f"Bearer {secret}", None, STRANGER)
    clock.advance(CACHE_TTL)
    with pytest.raises(Unauthenticated):
        replica.authenticate(f"Bearer {secret}", None, STRANGER)


def test_revoking_again_keeps_the_first_time(service: AccessService, clock: Clock, issued: tuple[Token, str]) -> None:
    service.revoke_token("shop", issued[0].id)
    first = clock()
    clock.advance(timedelta(days=1))
    service.revoke_token("shop", issued[0].id)
    assert service.list_tokens("shop")[0].revoked_at == first


def test_tenants_do_not_see_each_others_tokens(service: AccessService, issued: tuple[Token, str]) -> None:
    assert service.list_tokens("other") == []
    with pytest.raises(NotFound):
        service.revoke_token("other", issued[0].id)


def test_list_shows_all_but_the_secret(service: AccessService, issued: tuple[Token, str]) -> None:
    second, _ = service.create_token("shop", "grafana", [Scope.QUERY, Scope.QUERY])
    assert service.list_tokens("shop") == [issued[0], second]
    assert issued[1] not in repr(service.list_tokens("shop"))


def test_hot_path_does_not_ask_the_database(
    engine: Engine, clock: Clock, service: AccessService, issued: tuple[Token, str]
) -> None:
    service.authenticate(f"Bearer {issued[1]}", None, STRANGER)
    with pytest.raises(Unauthenticated):
        service.authenticate("Bearer tro_unknown", None, STRANGER)
    seen = count_statements(engine)
    for _ in range(100):
        service.authenticate(f"Bearer {issued[1]}", None, STRANGER)
        with pytest.raises(Unauthenticated):
            service.authenticate("Bearer tro_unknown", None, STRANGER)
    assert seen == []
    clock.advance(CACHE_TTL)
    service.authenticate(f"Bearer {issued[1]}", None, STRANGER)
    assert any("SELECT" in statement for statement in seen)


def test_clock_that_jumps_back_does_not_prolong_a_token(
    engine: Engine, clock: Clock, service: AccessService, issued: tuple[Token, str]
) -> None:
    service.authenticate(f"Bearer {issued[1]}", None, STRANGER)
    with begin(engine) as connection:
        connection.execute(update(tokens).values(revoked_at=clock()))
    clock.advance(timedelta(hours=-1))
    with pytest.raises(Unauthenticated):
        service.authenticate(f"Bearer {issued[1]}", None, STRANGER)


def test_last_use_is_noted_to_the_minute(service: AccessService, clock: Clock, issued: tuple[Token, str]) -> None:
    def last_used() -> datetime | None:
        service.authenticate(f"Bearer {issued[1]}", None, STRANGER)
        return service.list_tokens("shop")[0].last_used_at

    first = clock()
    assert last_used() == first
    clock.advance(CACHE_TTL)
    assert last_used() == first
    clock.advance(LAST_USED_STEP)
    assert last_used() == clock()


def test_missing_scope_is_denied(service: AccessService, issued: tuple[Token, str]) -> None:
    principal = service.authenticate(f"Bearer {issued[1]}", None, STRANGER)
    assert principal.require(Scope.INGEST) is principal
    with pytest.raises(PermissionDenied, match="token agent does not have the scope query"):
        principal.require(Scope.QUERY)


@pytest.mark.parametrize(("name", "scopes"), [("", [Scope.QUERY]), ("n" * 201, [Scope.QUERY]), ("n", [])])
def test_token_needs_a_name_and_a_scope(service: AccessService, name: str, scopes: list[Scope]) -> None:
    with pytest.raises(InvalidRequest):
        service.create_token("shop", name, scopes)


@pytest.mark.parametrize("name", ["a", "A-1_b.c", "!*'()", "...", "x" * 150])
def test_tenant_names(name: str) -> None:
    assert check_tenant(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "a|b", "é", "a\n", "x" * 151])
def test_wrong_tenant_names(name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_tenant(name)


def test_default_tenant_must_be_a_tenant_name(engine: Engine) -> None:
    with pytest.raises(ConfigError, match=r"access\.default_tenant"):
        AccessService(engine, Config(access=Access(default_tenant="a b")))


def test_tokens_are_made_while_others_write(state_url: str) -> None:
    """A lease is renewed every second or so: a transaction that reads first and then writes would be refused."""
    engines = [open_state(state_url), open_state(state_url)]
    service = AccessService(engines[0], Config())
    lease, stop = Lease(engines[1], "busy", "other", 5), threading.Event()

    def renew() -> None:
        while not stop.is_set():
            lease.acquire()

    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(renew)
        try:
            for number in range(30):
                service.create_token("shop", f"token {number}", [Scope.INGEST])
        finally:
            stop.set()
        renewing.result()
    assert len(service.list_tokens("shop")) == 30
    for engine in engines:
        engine.dispose()
