"""Owners of services: what the API was told, by tenant, over what the file says."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, Row, delete, func, select

from traceo.catalog.owner import FIELDS, Owner, Ownership, check_owner, merge
from traceo.catalog.owner_file import ALL_TENANTS, OwnerFile, Owners
from traceo.errors import LimitExceeded, NotFound
from traceo.state.database import begin, begin_alone, insert_into
from traceo.state.tables import service_owners

MAX_OWNERS = 10_000  # of one tenant in the database
MAX_NAME = 250
API, FILE_TENANT, FILE = "api", "file:tenant", "file"


@dataclass(frozen=True, slots=True)
class Stated:
    """What the API was told of a service, when and by whom."""

    owner: Owner
    changed_at: datetime
    changed_by: str


class OwnerService:
    """Threads may share it. All methods raise StoreUnavailable."""

    def __init__(self, engine: Engine, file: OwnerFile) -> None:
        self._engine = engine
        self._file = file

    def read(self, tenant: str, stated: Mapping[str, Stated] | None = None) -> dict[str, Ownership]:
        """Service -> what holds for it, of all that anybody said something of, by name. `stated`: as just read."""
        told = self.read_stated(tenant) if stated is None else stated
        told_owners = {service: known.owner for service, known in told.items()}
        by_source: dict[str, Owners] = {API: told_owners, FILE_TENANT: self._file.of(tenant)}
        by_source[FILE] = self._file.of(ALL_TENANTS)
        names = sorted({name for owners in by_source.values() for name in owners})
        merged = {
            name: merge({source: owners[name] for source, owners in by_source.items() if name in owners})
            for name in names
        }
        return {name: ownership for name, ownership in merged.items() if ownership}

    def read_stated(self, tenant: str) -> dict[str, Stated]:
        """Service -> what the API was told."""
        with begin(self._engine) as connection:
            rows = connection.execute(select(service_owners).where(service_owners.c.tenant == tenant)).all()
        return {row.service: _to_stated(row) for row in rows}

    def put(self, tenant: str, service: str, owner: Owner, by: str) -> None:
        """In place of what the API was told before. Raises InvalidRequest, LimitExceeded."""
        check_owner(service, owner)
        table = service_owners.c
        row = {**asdict(owner), "changed_at": datetime.now(UTC), "changed_by": by[:MAX_NAME]}
        write = insert_into(self._engine, service_owners).values(tenant=tenant, service=service, **row)
        write = write.on_conflict_do_update(index_elements=(table.tenant, table.service), set_=row)
        others = select(func.count()).where(table.tenant == tenant, table.service != service)
        with begin_alone(self._engine, service_owners) as connection:
            if connection.execute(others).scalar_one() >= MAX_OWNERS:
                raise LimitExceeded(f"{tenant} has owners of {MAX_OWNERS} services: remove some, or use the file")
            connection.execute(write)

    def remove(self, tenant: str, service: str) -> None:
        """Forget what the API was told; what the file says holds again. Raises NotFound."""
        table = service_owners.c
        with begin(self._engine) as connection:
            gone = connection.execute(
                delete(service_owners).where(table.tenant == tenant, table.service == service)
            ).rowcount
        if not gone:
            raise NotFound(f"the API was told no owner of a service {service[:200]!r}")


def _to_stated(row: Row[tuple[object, ...]]) -> Stated:
    owner = Owner(**{field: getattr(row, field) for field in FIELDS})
    return Stated(owner, row.changed_at, row.changed_by)
