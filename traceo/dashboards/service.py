"""Dashboards of a tenant: listed, made, replaced, had back in an older version, removed."""

import json
import re
import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select

from traceo.dashboards.model import (
    ID_PATTERN,
    Dashboard,
    DashboardHead,
    DashboardVersion,
    read_dashboard,
    write_dashboard,
)
from traceo.dashboards.reading import is_text
from traceo.errors import Conflict, InvalidRequest, LimitExceeded, NotFound
from traceo.state.database import begin, begin_alone
from traceo.state.tables import dashboard_versions

MAX_DASHBOARDS = 1000  # of one tenant
MAX_VERSIONS = 100  # of one dashboard; older ones are forgotten
MAX_NAME, MAX_COMMENT = 250, 1000

_table = dashboard_versions.c
_latest = dashboard_versions.alias("latest").c
HEAD = [column for column in dashboard_versions.columns if column.name not in ("tenant", "document")]
IS_NEWEST = (
    _table.version
    == select(func.max(_latest.version))
    .where(_latest.tenant == _table.tenant, _latest.id == _table.id)
    .scalar_subquery()
)


class DashboardService:
    """Versions in the state database, only added to. Threads may share it. All methods raise StoreUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list_heads(self, tenant: str, search: str = "") -> list[DashboardHead]:
        """The newest version of each dashboard by title; `search`: words that title and tags have."""
        with begin(self._engine) as connection:
            rows = connection.execute(select(*HEAD).where(_table.tenant == tenant, IS_NEWEST)).all()
        words = search.lower().split()
        heads = [_to_head(row) for row in rows]
        found = [head for head in heads if all(word in " ".join((head.title, *head.tags)).lower() for word in words)]
        return sorted(found, key=lambda head: (head.title.lower(), head.id))

    def create(self, tenant: str, dashboard: Dashboard, by: str, comment: str = "", id_: str = "") -> DashboardVersion:
        """The first version; `id_`: "" makes one up. Raises InvalidRequest, Conflict, LimitExceeded."""
        if id_ and not re.fullmatch(ID_PATTERN, id_):
            raise InvalidRequest(f"id: expected up to 64 of a-z, 0-9, _ and -, got {id_[:80]!r}")
        mine = select(func.count(func.distinct(_table.id))).where(_table.tenant == tenant)
        id_ = id_ or secrets.token_hex(6)
        with begin_alone(self._engine, dashboard_versions) as connection:
            if self._last_version(connection, tenant, id_):
                raise Conflict(f"there is a dashboard {id_} already: give another id, or replace it")
            if connection.execute(mine).scalar_one() >= MAX_DASHBOARDS:
                raise LimitExceeded(f"{tenant} has {MAX_DASHBOARDS} dashboards: remove some")
            return self._insert(connection, tenant, id_, 1, dashboard, by, comment)

    def read(self, tenant: str, id_: str, version: int | None = None) -> DashboardVersion:
        """One version; None: the newest. Raises NotFound."""
        wanted = IS_NEWEST if version is None else _table.version == version
        found = select(dashboard_versions).where(_table.tenant == tenant, _table.id == id_, wanted)
        with begin(self._engine) as connection:
            row = connection.execute(found).first()
        if row is None:
            raise _not_found(id_, version)
        return _to_version(row)

    def replace(
        self, tenant: str, id_: str, dashboard: Dashboard, expected: int, by: str, comment: str = ""
    ) -> DashboardVersion:
        """A new version over `expected`. Raises NotFound; Conflict, if the newest is another one."""
        with begin_alone(self._engine, dashboard_versions) as connection:
            last = self._last_version(connection, tenant, id_)
            if last is None:
                raise _not_found(id_)
            if last != expected:
                raise Conflict(f"somebody saved version {last} meanwhile; yours was made from version {expected}")
            return self._insert(connection, tenant, id_, last + 1, dashboard, by, comment)

    def list_versions(self, tenant: str, id_: str) -> list[DashboardHead]:
        """Those that are kept, newest first. Raises NotFound."""
        found = select(*HEAD).where(_table.tenant == tenant, _table.id == id_).order_by(_table.version.desc())
        with begin(self._engine) as connection:
            rows = connection.execute(found).all()
        if not rows:
            raise _not_found(id_)
        return [_to_head(row) for row in rows]

    def restore(self, tenant: str, id_: str, version: int, by: str) -> DashboardVersion:
        """A new version that is as an old one was. Raises NotFound."""
        old = self.read(tenant, id_, version)
        with begin_alone(self._engine, dashboard_versions) as connection:
            last = self._last_version(connection, tenant, id_)
            if last is None:
                raise _not_found(id_)
            return self._insert(connection, tenant, id_, last + 1, old.dashboard, by, f"version {version} restored")

    def remove(self, tenant: str, id_: str) -> None:
        """The dashboard with all of its versions. Raises NotFound."""
        mine = delete(dashboard_versions).where(_table.tenant == tenant, _table.id == id_)
        with begin(self._engine) as connection:
            if not connection.execute(mine).rowcount:
                raise _not_found(id_)

    def _last_version(self, connection: Connection, tenant: str, id_: str) -> int | None:
        newest = select(func.max(_table.version)).where(_table.tenant == tenant, _table.id == id_)
        last: int | None = connection.execute(newest).scalar_one()
        return last

    def _insert(
        self, connection: Connection, tenant: str, id_: str, version: int, dashboard: Dashboard, by: str, comment: str
    ) -> DashboardVersion:
        if len(comment) > MAX_COMMENT or not is_text(comment):
            raise InvalidRequest(f"comment: expected up to {MAX_COMMENT} characters on one line")
        row: dict[str, Any] = {
            "id": id_,
            "version": version,
            "title": dashboard.title,
            "tags": dashboard.tags,
            "panels": len(dashboard.panels),
            "created_at": datetime.now(UTC),
            "created_by": by[:MAX_NAME],
            "comment": comment,
        }
        document = write_dashboard(dashboard)
        connection.execute(insert(dashboard_versions).values(tenant=tenant, document=document, **row))
        old = (_table.tenant == tenant) & (_table.id == id_) & (_table.version <= version - MAX_VERSIONS)
        connection.execute(delete(dashboard_versions).where(old))
        return DashboardVersion(**row, dashboard=dashboard)


def _not_found(id_: str, version: int | None = None) -> NotFound:
    what = f"dashboard {id_[:80]!r}"
    return NotFound(f"there is no {what}" if version is None else f"there is no version {version} of {what}")


def _to_head(row: Row[tuple[object, ...]]) -> DashboardHead:
    return DashboardHead(**_head_of(row))


def _to_version(row: Row[tuple[object, ...]]) -> DashboardVersion:
    return DashboardVersion(**_head_of(row), dashboard=read_dashboard(json.loads(row.document)))


def _head_of(row: Row[tuple[object, ...]]) -> dict[str, Any]:
    shown = {name: value for name, value in row._mapping.items() if name not in ("tenant", "document")}
    return {**shown, "tags": tuple(row.tags)}
