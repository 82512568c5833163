"""Saved queries: by tenant, with a name that is unique within its language."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from traceo.errors import Conflict, InvalidRequest, LimitExceeded, NotFound
from traceo.state.database import begin, begin_alone
from traceo.state.tables import saved_queries

MAX_QUERIES = 1000  # of one tenant
MAX_NAME = 200
MAX_QUERY = 20_000
MAX_WHO = 250


class Language(StrEnum):
    """What a query is written in."""

    PROMQL = "promql"
    LOGQL = "logql"
    TRACEQL = "traceql"


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A query with its name, and who saved it when."""

    id: int
    name: str
    language: Language
    query: str
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str


class SavedQueries:
    """Threads may share it. All methods raise StoreUnavailable."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine = engine
        self._now = now

    def list_all(self, tenant: str, language: Language | None = None) -> list[SavedQuery]:
        """By name, of one language or of all."""
        table = saved_queries.c
        asked = select(saved_queries).where(table.tenant == tenant).order_by(table.name, table.language)
        if language:
            asked = asked.where(table.language == language)
        with begin(self._engine) as connection:
            return [_to_saved(row) for row in connection.execute(asked)]

    def create(self, tenant: str, name: str, language: Language, query: str, by: str) -> SavedQuery:
        """Raises Conflict (the name is taken), InvalidRequest, LimitExceeded."""
        row = {**_checked(name, query), "tenant": tenant, "language": language}
        row |= {"created_at": self._now(), "created_by": by[:MAX_WHO]}
        row |= {"changed_at": row["created_at"], "changed_by": row["created_by"]}
        count = select(func.count()).where(saved_queries.c.tenant == tenant)
        with begin_alone(self._engine, saved_queries) as connection:
            if connection.execute(count).scalar_one() >= MAX_QUERIES:
                raise LimitExceeded(f"{tenant} has {MAX_QUERIES} saved queries: delete some")
            _refuse_taken(connection, tenant, name, language)
            return _to_saved(connection.execute(insert(saved_queries).values(row).returning(saved_queries)).one())

    def change(self, tenant: str, number: int, name: str, query: str, by: str) -> SavedQuery:
        """Another name, another text; the language stays. Raises NotFound, Conflict, InvalidRequest."""
        row = {**_checked(name, query), "changed_at": self._now(), "changed_by": by[:MAX_WHO]}
        mine = (saved_queries.c.tenant == tenant) & (saved_queries.c.id == number)
        with begin_alone(self._engine, saved_queries) as connection:
            known = connection.execute(select(saved_queries).where(mine)).first()
            if known is None:
                raise _unknown(tenant, number)
            _refuse_taken(connection, tenant, name, Language(known.language), number)
            changed = update(saved_queries).where(mine).values(row).returning(saved_queries)
            return _to_saved(connection.execute(changed).one())

    def remove(self, tenant: str, number: int) -> None:
        """Raises NotFound."""
        mine = (saved_queries.c.tenant == tenant) & (saved_queries.c.id == number)
        with begin(self._engine) as connection:
            if not connection.execute(delete(saved_queries).where(mine)).rowcount:
                raise _unknown(tenant, number)


def _checked(name: str, query: str) -> dict[str, object]:
    if not 0 < len(name) <= MAX_NAME or name != name.strip() or not name.isprintable():
        raise InvalidRequest(f"name: expected 1 to {MAX_NAME} printable characters, without spaces around them")
    if not query.strip() or len(query) > MAX_QUERY or "\0" in query:
        raise InvalidRequest(f"query: expected a text of up to {MAX_QUERY} characters")
    return {"name": name, "query": query}


def _refuse_taken(connection: Connection, tenant: str, name: str, language: Language, but: int | None = None) -> None:
    table = saved_queries.c
    same = select(table.id).where(table.tenant == tenant, table.language == language, table.name == name)
    found = connection.execute(same).scalar()
    if found is not None and found != but:
        raise Conflict(f"name: there is a {language} query {name!r} already; choose another name, or change it")


def _unknown(tenant: str, number: int) -> NotFound:
    return NotFound(f"tenant {tenant} has no saved query {number}")


def _to_saved(row: Row[tuple[object, ...]]) -> SavedQuery:
    fields = row._asdict()
    del fields["tenant"]
    return SavedQuery(**fields | {"language": Language(row.language)})
