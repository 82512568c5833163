"""Owners of services: the file, the API's table, and which of them holds."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from traceo.catalog import owners
from traceo.catalog.owner import Owner
from traceo.catalog.owner_file import OwnerFile, parse_owners
from traceo.catalog.owners import OwnerService
from traceo.errors import ConfigError, InvalidRequest, LimitExceeded, NotFound
from traceo.state.database import open_state

CART = 'services:\n  cart: {team: checkout, tier: 1, on_call: "#checkout", apdex_ms: 300}\n'
ACME = CART + "tenants:\n  acme:\n    services:\n      cart: {team: acme, runbook: https://wiki.example/cart}\n"


@pytest.fixture
def engine(state_url: str) -> Iterator[Engine]:
    engine = open_state(state_url)
    yield engine
    engine.dispose()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "owners.yaml"
    path.write_text(ACME)
    return path


def loaded(path: Path) -> OwnerFile:
    file = OwnerFile(str(path))
    file.load()
    return file


def test_api_is_before_the_tenant_and_the_tenant_before_all(engine: Engine, path: Path) -> None:
    service = OwnerService(engine, loaded(path))
    service.put("acme", "cart", Owner(on_call="ann", tier="1"), "token ci")
    service.put("acme", "new", Owner(team="search"), "token ci")
    service.put("other", "cart", Owner(team="other's"), "token ci")
    found = service.read("acme")
    cart = found["cart"].to_row()
    assert cart == {
        **{"team": "acme", "on_call": "ann", "repository": "", "runbook": "https://wiki.example/cart", "tier": "1"},
        "apdex_ms": 300.0,
        "sources": {
            **{"team": "file:tenant", "on_call": "api", "runbook": "file:tenant", "tier": "api", "apdex_ms": "file"},
        },
        "overridden": ["team", "on_call"],
    }
    assert (list(found), found["new"].owner.team) == (["cart", "new"], "search")
    assert service.read("third")["cart"].owner == Owner("checkout", "#checkout", tier="1", apdex_ms=300)
    service.remove("acme", "cart")
    assert service.read("acme")["cart"].owner.on_call == "#checkout"
    with pytest.raises(NotFound):
        service.remove("acme", "cart")


def test_told_again_replaces_and_says_by_whom(engine: Engine) -> None:
    service = OwnerService(engine, OwnerFile(""))
    service.put("acme", "cart", Owner(team="first", tier="1"), "ann")
    service.put("acme", "cart", Owner(team="second"), "bob")
    (known,) = service.read_stated("acme").values()
    assert (known.owner, known.changed_by) == (Owner(team="second"), "bob")


def test_tenant_has_so_many_owners(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "MAX_OWNERS", 1)
    service = OwnerService(engine, OwnerFile(""))
    for _ in range(2):
        service.put("acme", "cart", Owner(team="a"), "ann")
    service.put("other", "mail", Owner(team="a"), "ann")
    with pytest.raises(LimitExceeded):
        service.put("acme", "mail", Owner(team="a"), "ann")


@pytest.mark.parametrize(
    ("service", "owner", "says"),
    [
        ("", Owner(team="a"), "service: expected a name"),
        ("x" * 501, Owner(team="a"), "service: expected a name"),
        ("cart", Owner(), "nothing is said"),
        ("cart", Owner(team="a\nb"), "team: expected up to 200"),
        ("cart", Owner(tier="x" * 51), "tier: expected up to 50"),
        ("cart", Owner(runbook="javascript:alert(1)"), "runbook: expected an address"),
        ("cart", Owner(repository="https://"), "repository: expected an address"),
        ("cart", Owner(runbook="http://[::1"), "runbook: expected an address"),
        ("cart", Owner(apdex_ms=0), "apdex_ms: expected milliseconds"),
        ("cart", Owner(apdex_ms=float("nan")), "apdex_ms: expected milliseconds"),
    ],
)
def test_wrong_owner_is_refused(service: str, owner: Owner, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        OwnerService(None, OwnerFile("")).put("acme", service, owner, "ann")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("services:\n  cart: {tema: a}", r"line 2, column 16: services\.cart\.tema: unknown field, did you mean team"),
        ("services:\n  cart: {team: [a]}", r"line 2, column 16: services\.cart\.team: expected a text"),
        ("services:\n  cart: {runbook: 'javascript:x'}", r"line 2, .*services\.cart\.runbook: expected an address"),
        ("services:\n  cart: {apdex_ms: fast}", r"line 2, .*apdex_ms: expected milliseconds .* got 'fast'"),
        ("services:\n  cart: {team: a}\n  cart: {team: b}", r"line 3, column 3: services\.cart: given twice"),
        ("services:\n  '': {team: a}", r"line 2, column 3: services: expected a name"),
        ("services: [cart]", "line 1, column 11: services: expected a mapping"),
        ("tenants:\n  acme:\n    cart: {team: a}", r"line 3, .*tenants\.acme\.cart: unknown field"),
        ("service: {}", "line 1, column 10: service: unknown field, did you mean services"),
        ("services: {", "not valid YAML"),
        ("[" * 1000, "nested too deeply"),
    ],
)
def test_wrong_file_names_line_and_field(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_owners(text)


def test_empty_file_says_nothing() -> None:
    assert parse_owners("") == {} and parse_owners("services:") == {"": {}}


def test_file_is_read_again_and_a_mistake_in_it_changes_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = loaded(path)
    path.write_text(CART.replace("checkout", "basket-team"))
    file.look()
    assert file.of("")["cart"].team == "basket-team" and file.of("acme") == {}
    with caplog.at_level(logging.ERROR):
        path.write_text("services: {cart: {tema: a}}")
        file.look()
        path.unlink()
        file.look()
        file.look()
    assert [record.fields["error"].partition(": ")[2][:14] for record in caplog.records] == [  # type: ignore[attr-defined]
        "line 1, column",
        "[Errno 2] No s",
    ]
    assert file.of("")["cart"].team == "basket-team"
    with pytest.raises(ConfigError, match=r"catalog\.owners_file .*Errno 2"):
        OwnerFile(str(path)).load()
