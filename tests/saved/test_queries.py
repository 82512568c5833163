"""Saved queries on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from traceo.errors import Conflict, InvalidRequest, LimitExceeded, NotFound
from traceo.saved import queries
from traceo.saved.queries import Language, SavedQueries
from traceo.state.database import open_state

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PROMQL, LOGQL = Language.PROMQL, Language.LOGQL


@pytest.fixture
def engine(state_url: str) -> Iterator[Engine]:
    engine = open_state(state_url)
    yield engine
    engine.dispose()


def test_what_one_saves_everybody_of_the_tenant_finds(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = SavedQueries(engine, lambda: NOON)
    made = saved.create("acme", "errors", PROMQL, "rate(errors[5m])", "token ann")
    assert (made.created_by, made.changed_at, made.language) == ("token ann", NOON, PROMQL)
    same_name = saved.create("acme", "errors", LOGQL, '{a="b"}', "token bob")
    other = saved.create("other", "errors", PROMQL, "up", "token eve")
    assert saved.list_all("acme") == [same_name, made]
    assert saved.list_all("acme", PROMQL) == [made]
    changed = saved.change("acme", made.id, "failures", "up == 0", "token bob")
    assert (changed.name, changed.query, changed.created_by, changed.changed_by) == (
        *("failures", "up == 0", "token ann", "token bob"),
    )
    assert saved.change("acme", made.id, "failures", "up", "token bob").query == "up"
    saved.create("acme", "errors", PROMQL, "up", "token ann")
    with pytest.raises(Conflict, match="promql query 'errors' already"):
        saved.change("acme", made.id, "errors", "up", "token bob")
    with pytest.raises(Conflict):
        saved.create("acme", "failures", PROMQL, "up", "token ann")
    for act in (lambda: saved.remove("acme", other.id), lambda: saved.change("acme", other.id, "x", "up", "eve")):
        with pytest.raises(NotFound, match="acme has no saved query"):
            act()
    saved.remove("acme", made.id)
    assert [each.name for each in saved.list_all("acme", PROMQL)] == ["errors"]
    assert saved.list_all("other") == [other]
    monkeypatch.setattr(queries, "MAX_QUERIES", 2)
    with pytest.raises(LimitExceeded, match="delete some"):
        saved.create("acme", "third", PROMQL, "up", "token ann")


@pytest.mark.parametrize(
    ("name", "query", "message"),
    [
        ("", "up", "name"),
        (" a", "up", "spaces"),
        ("a\nb", "up", "printable"),
        ("a" * 201, "up", "200"),
        ("a", " ", "query"),
        ("a", "u" * 20_001, "20000"),
        ("a", "u\0p", "query"),
    ],
)
def test_what_is_no_name_and_no_query_is_refused(engine: Engine, name: str, query: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        SavedQueries(engine).create("acme", name, PROMQL, query, "token ann")
