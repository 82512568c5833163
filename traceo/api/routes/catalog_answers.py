"""The answers of the catalogue's routes, for OpenAPI."""

from typing import Literal

from pydantic import BaseModel, Field

from traceo.api.routes.map_answers import Edge, Health, Red
from traceo.api.routes.trace_answers import OperationRow


class OwnerRow(BaseModel):
    """Who answers for a service; "" and null where nobody says it."""

    team: str
    on_call: str
    repository: str
    runbook: str
    tier: str
    apdex_ms: float | None
    sources: dict[str, Literal["api", "file:tenant", "file"]] = Field(description="Field -> who said it")
    overridden: list[str] = Field(description="Fields of which a weaker source says something else")


class Entry(BaseModel):
    """A service: figures, health and what its telemetry says about it. Times are unix seconds."""

    service: str
    requests: int
    errors: int
    rate_per_s: float
    error_ratio: float
    p50_ms: float | None = Field(description="null for a service that sends no spans")
    p95_ms: float | None
    p99_ms: float | None
    health: Health
    health_reason: str = Field(description="Why; empty: nothing is wrong")
    apdex: float | None = Field(description="0 to 1, by the owner's apdex_ms; null without one, or without requests")
    signals: list[str]
    first_seen: int | None = Field(description="Within the range, by the minute of arrival")
    last_seen: int | None
    versions: list[str]
    namespaces: list[str]
    environments: list[str]
    languages: list[str]
    sdk_versions: list[str]
    instances: list[str]
    pods: list[str]
    hosts: list[str]
    owner: OwnerRow | None


class HealthCounts(BaseModel):
    """How many services have which health."""

    failing: int
    degraded: int
    healthy: int
    idle: int


class CatalogSummary(BaseModel):
    """Of all services that the search finds, also of those that are not on this page."""

    requests: int
    errors: int
    rate_per_s: float
    error_ratio: float
    health: HealthCounts


class CatalogAnswer(BaseModel):
    """A page of the catalogue."""

    services: list[Entry]
    total: int
    summary: CatalogSummary
    warnings: list[str] = Field(description="What was cut off, in words")


class Release(Red):
    """A version in an environment."""

    version: str
    environment: str
    first_seen: int
    last_seen: int


class Deploy(BaseModel):
    """Another version took over most of an environment's traffic."""

    environment: str
    time: int
    from_version: str
    to_version: str
    rollback: bool = Field(description="It had most of the traffic once before")
    overlap_from: int | None = Field(description="First step in which both versions had traffic")
    overlap_to: int | None


class ServiceDeploy(Deploy):
    """A deploy, and of which service."""

    service: str


class DeploysAnswer(BaseModel):
    """Deploys of all services, in order of time."""

    deploys: list[ServiceDeploy]
    warnings: list[str] = Field(description="What was cut off, in words")


class Traffic(BaseModel):
    """What a version had of its environment's traffic in a step."""

    version: str
    environment: str
    time: int
    spans: int
    share: float


class Instance(Red):
    """A process of a service, by what it says of itself; a text is empty where it says nothing."""

    instance: str = Field(description="`service.instance.id`")
    pod: str
    host: str
    version: str
    first_seen: int
    last_seen: int


class ServicePage(Entry):
    """Everything about one service."""

    operations: list[OperationRow]
    processes: list[Instance] = Field(description="Those that sent spans, the busiest first, 500 at most")
    releases: list[Release]
    deploys: list[Deploy]
    step_s: int
    traffic: list[Traffic]
    upstream: list[Edge]
    downstream: list[Edge]
    warnings: list[str] = Field(description="What was cut off, in words")
