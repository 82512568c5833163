"""Policies by tenant and version: set, found, switched off; and whether a tenant is sampled, for ingest."""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, Row, func, insert, select

from traceo.errors import InvalidRequest, NotFound, StoreUnavailable, TraceoError
from traceo.policies.model import (
    ALL_TENANTS,
    FOLLOW,
    OFF,
    Mode,
    PolicyVersion,
    check_comment,
    check_document,
    read_document,
)
from traceo.policies.rounds import SamplingRounds
from traceo.sampling.budgets import Budget, Steering, Terms, in_order
from traceo.sampling.sampler import Judging
from traceo.state.database import begin, begin_alone
from traceo.state.tables import policy_versions

logger = logging.getLogger(__name__)

CACHE_TTL_S = 5.0  # how long a change may go unseen in another replica
MAX_NAME = 250

# A version is never changed, so that their number and the highest id tell whether there is a new one.
MARK = select(func.count(), func.coalesce(func.max(policy_versions.c.id), 0)).select_from(policy_versions)
_latest = policy_versions.alias("latest")
NEWEST = select(policy_versions).where(
    policy_versions.c.version
    == select(func.max(_latest.c.version)).where(_latest.c.tenant == policy_versions.c.tenant).scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read: the newest version of every tenant, and the mark of that moment."""

    mark: tuple[int, int]
    newest: dict[str, PolicyVersion]


class PolicyService:
    """The versions in the state database. Nothing is ever changed there: what is set last is in force.

    Threads may share it. What was read counts for `CACHE_TTL_S`; whoever calls `refresh` more often than that, in a
    thread, lets `samples`, `current` and `judging` answer from memory alone.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], float] = time.monotonic,
        max_wait_s: float = math.inf,
        terms: Terms | None = None,
    ) -> None:
        """`max_wait_s`: the longest `decision_wait`; spans MUST rest in the recent window for longer than that.

        `terms`: what budgets mean here; None: a budget of money is taken, whatever it buys.
        """
        self._engine = engine
        self._max_wait_s = max_wait_s
        self._terms = terms
        self._clock = clock
        self._known: _Known | None = None
        self._looked_at = 0.0
        self._looking = threading.Lock()

    def check(self, tenant: str, document: str) -> str:
        """A document in the form in which it is stored. Raises InvalidRequest, ParseError, UnsupportedQuery."""
        checked = check_document(tenant, document)
        if checked == FOLLOW:
            return checked
        policies = read_document(checked).policies
        if self._terms:
            self._terms.check(policies.budgets)
        wait = policies.decision_wait
        if wait > self._max_wait_s:
            raise InvalidRequest(
                f"decision_wait: {wait:g}s is too long: spans would leave the recent window before their verdict; "
                f"expected at most {self._max_wait_s:g}s, half of retention.recent_spans"
            )
        return checked

    def put(self, tenant: str, document: str, dry_run: bool, by: str, comment: str = "") -> PolicyVersion:
        """A new version, in force at once here and within `CACHE_TTL_S` elsewhere; `tenant` "" sets the default.

        The document `default` lets a tenant go by the default again. Raises InvalidRequest, ParseError and
        UnsupportedQuery for a document that cannot be read: it is not stored. Raises StoreUnavailable.
        """
        return self._add(tenant, self.check(tenant, document), dry_run, by, comment)

    def put_if_new(self, tenant: str, document: str, by: str, comment: str = "") -> PolicyVersion | None:
        """As `put`, unless this document is in force already: then None. Of replicas that put the same, one does."""
        document = self.check(tenant, document)
        with begin_alone(self._engine, policy_versions) as connection:
            last = self._last(connection, tenant)
            if last and last.document == document:
                return None
            added = self._insert(connection, tenant, document, False, by, comment)
        self._look_again()
        return added

    def restore(self, tenant: str, version: int, by: str) -> PolicyVersion:
        """A new version with the document and the dry run of an old one. Raises as `put` does, and NotFound."""
        old = self.get(tenant, version)
        document = old.document if old.document == OFF else self.check(tenant, old.document)
        return self._add(tenant, document, old.dry_run, by, f"version {version} restored")

    def remove(self, tenant: str, by: str, comment: str = "") -> PolicyVersion:
        """A new version that switches sampling off, for a tenant also that of the default. Raises StoreUnavailable."""
        return self._add(tenant, OFF, False, by, comment)

    def versions(self, tenant: str) -> list[PolicyVersion]:
        """All versions of a tenant's own policies, newest first."""
        mine = select(policy_versions).where(policy_versions.c.tenant == tenant)
        with begin(self._engine) as connection:
            rows = connection.execute(mine.order_by(policy_versions.c.version.desc())).all()
        return [_to_version(row) for row in rows]

    def get(self, tenant: str, version: int) -> PolicyVersion:
        """One version of a tenant's own policies. Raises NotFound."""
        one = (policy_versions.c.tenant == tenant) & (policy_versions.c.version == version)
        with begin(self._engine) as connection:
            row = connection.execute(select(policy_versions).where(one)).first() if abs(version) < 1 << 31 else None
        if row is None:
            raise NotFound(f"tenant {tenant} has no version {version} of sampling policies")
        return _to_version(row)

    def current(self, tenant: str) -> PolicyVersion | None:
        """The version that applies to a tenant, its own or the default's; its mode may be off. None: neither is set."""
        newest = self._fresh()
        own = newest.get(tenant)
        return own if own and own.mode is not Mode.DEFAULT else newest.get(ALL_TENANTS)

    def samples(self, tenant: str) -> bool:
        """Whether a tenant's traces are to be judged, be it in a dry run. Answers from memory most of the time."""
        current = self.current(tenant)
        return current is not None and current.samples

    def thins_logs(self, tenant: str) -> bool:
        """Whether a tenant's log records follow its traces. Answers from memory most of the time."""
        current = self.current(tenant)
        if current is None or not current.samples:
            return False
        try:
            return read_document(current.document).policies.thin_logs
        except TraceoError:  # what cannot be read judges nothing: see `judging`
            return False

    def tenants_sampled(self) -> list[str]:
        """Tenants whose own policies judge, by name; "" among them if the default does for all others."""
        return sorted(tenant for tenant, version in self._fresh().items() if version.samples)

    def judging(self, tenant: str, version_id: int | None) -> Judging | None:
        """What the sampler judges a tenant by: by what applies now, or by what it began a round with.

        The version that it is told, and hands back, is `PolicyVersion.id`, which no other tenant's has. None: nothing
        judges; also when this Traceo cannot read what an older one stored, which is logged: then everything is kept.
        """
        found = self.current(tenant) if version_id is None else self._by_id(version_id)
        if found is None or not found.samples:
            return None
        try:
            policies = read_document(found.document).policies
            return Judging(policies, found.id, found.dry_run, self._shared() if found.tenant != ALL_TENANTS else ())
        except TraceoError as error:
            shown = {"tenant": found.tenant, "version": found.version, "error": str(error)}
            logger.error("a stored sampling policy cannot be read: everything is kept", extra={"fields": shown})
            return None

    def budgets(self, tenant: str) -> tuple[list[Budget], bool]:
        """Those that apply to a tenant, in the order in which they thin; whether in a dry run."""
        found = self.judging(tenant, None)
        return (in_order((*found.policies.budgets, *found.shared)), found.dry_run) if found else ([], False)

    def steering(self, tenant: str) -> tuple[Steering, ...]:
        """The budgets of the tenant's newest round, with their factors. Raises StoreUnavailable."""
        return SamplingRounds(self._engine).read_steering(tenant)

    def _shared(self) -> tuple[Budget, ...]:
        """The budgets of all tenants together, which the default sets also for those with policies of their own."""
        default = self._fresh().get(ALL_TENANTS)
        if default is None or default.mode is not Mode.ON:
            return ()
        try:
            budgets = read_document(default.document).policies.budgets
        except TraceoError:  # logged for those who go by it
            return ()
        return tuple(budget for budget in budgets if budget.all_tenants)

    def refresh(self) -> None:
        """Read what other replicas have set. Raises StoreUnavailable."""
        with self._looking:
            self._look()

    def _fresh(self) -> dict[str, PolicyVersion]:
        """From memory; read again when it is old, unless somebody is reading: then what there is still counts."""
        known = self._known
        if known is None:
            with self._looking:
                known = self._known or self._look()
        elif self._clock() - self._looked_at >= CACHE_TTL_S and self._looking.acquire(blocking=False):
            try:
                known = self._look()
            except StoreUnavailable as error:
                logger.warning("sampling policies were not read again, the known ones go on: %s", error)
            finally:
                self._looking.release()
        return known.newest

    def _look(self) -> _Known:
        """Read, if there is something new; a failure counts as a look, too, so that it is not repeated at once."""
        known = self._known
        try:
            with begin(self._engine) as connection:
                count, highest = connection.execute(MARK).one()
                if known is None or known.mark != (count, highest):
                    newest = {row.tenant: _to_version(row) for row in connection.execute(NEWEST)}
                    known = _Known((count, highest), newest)
        finally:
            self._looked_at = self._clock()
        self._known = known
        return known

    def _by_id(self, version_id: int) -> PolicyVersion | None:
        for version in self._fresh().values():
            if version.id == version_id:
                return version
        with begin(self._engine) as connection:
            row = connection.execute(select(policy_versions).where(policy_versions.c.id == version_id)).first()
        return _to_version(row) if row else None

    def _add(self, tenant: str, document: str, dry_run: bool, by: str, comment: str) -> PolicyVersion:
        with begin_alone(self._engine, policy_versions) as connection:
            added = self._insert(connection, tenant, document, dry_run, by, comment)
        self._look_again()
        return added

    def _look_again(self) -> None:
        """After a write, which is done whether or not it can be read back now."""
        try:
            self.refresh()
        except StoreUnavailable as error:
            logger.warning("a sampling policy was stored and is in force when the database answers: %s", error)

    def _insert(
        self, connection: Connection, tenant: str, document: str, dry_run: bool, by: str, comment: str
    ) -> PolicyVersion:
        last = self._last(connection, tenant)
        row = {
            "tenant": tenant,
            "version": last.version + 1 if last else 1,
            "document": document,
            "dry_run": dry_run and document not in (OFF, FOLLOW),
            "created_at": datetime.now(UTC),
            "created_by": by[:MAX_NAME],
            "comment": check_comment(comment),
        }
        return _to_version(connection.execute(insert(policy_versions).values(row).returning(policy_versions)).one())

    def _last(self, connection: Connection, tenant: str) -> PolicyVersion | None:
        mine = select(policy_versions).where(policy_versions.c.tenant == tenant)
        row = connection.execute(mine.order_by(policy_versions.c.version.desc()).limit(1)).first()
        return _to_version(row) if row else None


def _to_version(row: Row[tuple[object, ...]]) -> PolicyVersion:
    return PolicyVersion(**row._mapping)
