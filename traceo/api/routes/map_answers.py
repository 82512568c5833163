"""The answers of the map's routes, for OpenAPI."""

from typing import Literal

from pydantic import BaseModel, Field

Health = Literal["idle", "healthy", "degraded", "failing"]


class Red(BaseModel):
    """Rate, errors and duration, exact from before sampling; quantiles are at most 2.2 % off."""

    requests: int
    errors: int
    rate_per_s: float
    error_ratio: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Node(Red):
    """A service, or what services call."""

    id: str = Field(description="Type and name: service:cart")
    type: Literal["service", "database", "queue", "external", "user", "group"]
    name: str = Field(description="Of a group: its namespace, team or version; empty: services that have none")
    health: Health
    members: list[str] = Field(description="The services of a group, busiest first; empty for every other node")


class Edge(Red):
    """Calls from one node to another."""

    source: str = Field(description="A node's id")
    target: str = Field(description="A node's id")
    kind: Literal["call", "messaging", "database", "publish", "consume", "external", "entry"]
    health: Health


class MapAnswer(BaseModel):
    """The map of a time range."""

    nodes: list[Node]
    edges: list[Edge]
    warnings: list[str] = Field(description="What was cut off, in words")


class EdgeOverTime(BaseModel):
    """A number for each step."""

    kind: str
    requests: list[int]
    errors: list[int]
    p50_ms: list[float | None] = Field(description="null where there were no calls")
    p95_ms: list[float | None]
    p99_ms: list[float | None]


class EdgeSeries(BaseModel):
    """Steps from `start`, unix seconds; one series for each kind of call."""

    start: int
    step_s: int
    series: list[EdgeOverTime]


class Change(BaseModel):
    """A figure that is not what it was."""

    figure: Literal["rate_per_s", "error_ratio", "p95_ms"]
    before: float
    after: float
    z: float | None = Field(description="Standard deviations of the difference; null where only the effect is judged")


class ChangedNode(BaseModel):
    """One node at both times."""

    before: Node
    after: Node
    changes: list[Change]


class ChangedEdge(BaseModel):
    """One edge at both times."""

    before: Edge
    after: Edge
    changes: list[Change]


class NodesDiff(BaseModel):
    """What became of the nodes."""

    new: list[Node]
    gone: list[Node]
    changed: list[ChangedNode]


class EdgesDiff(BaseModel):
    """What became of the edges."""

    new: list[Edge]
    gone: list[Edge]
    changed: list[ChangedEdge]


class MapDiff(BaseModel):
    """Two maps compared."""

    nodes: NodesDiff
    edges: EdgesDiff
    warnings: list[str] = Field(description="What was cut off, in words")
