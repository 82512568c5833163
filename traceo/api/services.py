"""What the API needs from the rest of the process, handed over by `traceo.app`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Histogram

from traceo.cardinality.usage import MetricUsage
from traceo.catalog.owners import OwnerService
from traceo.config import Config
from traceo.dashboards.service import DashboardService
from traceo.policies.service import PolicyService
from traceo.saved.queries import SavedQueries
from traceo.store.base import Store


class Caller(Protocol):
    """Who calls: `traceo.access.model.Principal`."""

    @property
    def tenant(self) -> str:
        """The one tenant whose data it may read."""
        ...

    @property
    def scopes(self) -> frozenset[Any]:
        """What it may do: texts of which `query` and `admin` count here."""
        ...

    @property
    def name(self) -> str:
        """For messages."""
        ...


Authenticate = Callable[[str | None, str | None, str], Caller]

Targets = Callable[[str, str, str], dict[str, Any]]
TargetMetadata = Callable[[str, str], Iterator[dict[str, Any]]]


def no_targets(tenant: str, state: str, scrape_pool: str) -> dict[str, Any]:
    """Where nothing is scraped."""
    return {"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}}


def no_target_metadata(tenant: str, metric: str) -> Iterator[dict[str, Any]]:
    """The same."""
    return iter(())


@dataclass(frozen=True, slots=True)
class ApiServices:
    """Everything behind the API.

    `targets(tenant, state, scrape_pool)` is `data` of Prometheus' `/targets`; state is active, dropped, any or "".
    `target_metadata(tenant, metric)` are the rows of `/targets/metadata`; metric may be "", for all.
    `authenticate(authorization, x_scope_orgid, peer_ip)` may block: it is called in a thread. `status()` returns what
    `GET /api/v1/status` adds to what the API knows itself, such as {"buffered_bytes": 0}.
    """

    store: Store
    config: Config
    authenticate: Authenticate
    registry: CollectorRegistry
    request_seconds: Histogram
    status: Callable[[], dict[str, Any]]
    policies: PolicyService
    usage: MetricUsage
    owners: OwnerService
    dashboards: DashboardService
    saved: SavedQueries
    targets: Targets = no_targets
    target_metadata: TargetMetadata = no_target_metadata
