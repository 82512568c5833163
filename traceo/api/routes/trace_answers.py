"""The answers of the routes on services and traces, for OpenAPI. Attributes are JSON as `docs/guides/query.md` says."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from traceo.api.routes.map_answers import Red

Attributes = dict[str, Any]


class ServiceRow(Red):
    """A service."""

    service: str
    measured: Literal["entry spans", "all spans"] = Field(description="Which spans the figures are of")
    spans: int


class ServiceRows(BaseModel):
    """Most requests first."""

    services: list[ServiceRow]


class EdgeRow(Red):
    """Calls of one service to another."""

    client: str
    server: str
    kind: Literal["call", "messaging"]


class EdgeRows(BaseModel):
    """Most calls first."""

    edges: list[EdgeRow]


class OperationRow(Red):
    """A span name and kind of a service."""

    operation: str
    kind: str
    max_ms: float


class OperationRows(BaseModel):
    """Most spans first."""

    operations: list[OperationRow]


class RedOverTime(BaseModel):
    """A number for each step."""

    service: str
    requests: list[int]
    errors: list[int]
    p50_ms: list[float | None] = Field(default=[], description="null where there were no requests")
    p95_ms: list[float | None] = []
    p99_ms: list[float | None] = []


class RedSeries(BaseModel):
    """Steps from `start`, unix seconds; most requests first."""

    start: int
    step_s: int
    series: list[RedOverTime]


class TraceRow(BaseModel):
    """A trace that was found."""

    trace_id: str
    root_service: str
    root_name: str
    has_root: bool
    start_time_ns: int
    duration_ns: int
    matched_time_ns: int
    spans: int
    errors: int
    services: list[str]
    kept_by: str = Field(description="The sampling policy, empty without sampling")
    adjusted_count: float = Field(description="How many traces this one stands for")


class TraceRows(BaseModel):
    """A page, newest first."""

    traces: list[TraceRow]
    next_cursor: str | None


class SpanEvent(BaseModel):
    """An event within a span."""

    time_ns: int
    name: str
    attributes: Attributes
    dropped_attributes: int


class SpanLink(BaseModel):
    """A link to a span, of another trace as a rule."""

    trace_id: str
    span_id: str
    trace_state: str
    attributes: Attributes
    dropped_attributes: int
    flags: int


class Span(BaseModel):
    """A span; ids are lower-case hexadecimal."""

    span_id: str
    parent_span_id: str | None
    service: str
    name: str
    kind: str
    start_time_ns: int
    duration_ns: int
    status: str
    status_message: str
    trace_state: str
    flags: int
    attributes: Attributes
    events: list[SpanEvent]
    links: list[SpanLink]
    resource_id: str
    scope_id: str
    dropped_attributes: int
    dropped_events: int
    dropped_links: int


class Resource(BaseModel):
    """What sent spans."""

    attributes: Attributes
    dropped_attributes: int
    schema_url: str


class Scope(Resource):
    """The instrumentation that made spans."""

    name: str
    version: str


class TraceAnswer(BaseModel):
    """A trace: spans in order of start; resources and scopes by the ids that spans name."""

    trace_id: str
    kept_by: str
    adjusted_count: float
    spans: list[Span]
    resources: dict[str, Resource]
    scopes: dict[str, Scope]
