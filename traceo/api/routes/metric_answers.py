"""The answers of the routes on metrics, for OpenAPI. A double that JSON cannot say is `{"$double": "NaN"}`."""

from typing import Any

from pydantic import BaseModel, Field

Number = int | float | dict[str, str]


class MetricRow(BaseModel):
    """A metric."""

    metric: str
    type: str
    unit: str
    description: str
    series: int


class MetricRows(BaseModel):
    """In order of name."""

    metrics: list[MetricRow]


class SeriesHead(BaseModel):
    """A series; its ids are decimal."""

    series_id: str
    metric: str
    type: str
    unit: str
    temporality: str | None
    monotonic: bool
    integer: bool
    service: str
    attributes: dict[str, Any]
    resource_id: str


class SeriesRow(SeriesHead):
    """A series with the attributes of what sent it."""

    resource: dict[str, Any]


class SeriesRows(BaseModel):
    """In order of metric."""

    series: list[SeriesRow]


class Point(BaseModel):
    """A point as it was sent; which fields it has is the type's."""

    time_ns: int
    start_time_ns: int
    flags: int
    value: Number | None = Field(default=None, description="Of gauges and sums; null: no recorded value")
    count: int | None = None
    sum: Number | None = None
    min: Number | None = None
    max: Number | None = None
    bounds: list[Number] | None = None
    counts: list[int] | None = None
    scale: int | None = Field(default=None, description="Of exponential histograms, like what follows")
    zero_count: int | None = None
    zero_threshold: Number | None = None
    positive_offset: int | None = None
    positive_counts: list[int] | None = None
    negative_offset: int | None = None
    negative_counts: list[int] | None = None
    quantiles: list[Number] | None = Field(default=None, description="Of summaries, like values")
    values: list[Number] | None = None


class Exemplar(BaseModel):
    """A measurement with the span that it was made in."""

    time_ns: int
    value: Number
    trace_id: str
    span_id: str
    attributes: dict[str, Any]


class PointsOfSeries(SeriesHead):
    """A series with its points."""

    points: list[Point]
    exemplars: list[Exemplar]


class PointRows(BaseModel):
    """In order of metric."""

    series: list[PointsOfSeries]


class SeriesToday(BaseModel):
    """How many series the tenant has."""

    today: int
    yesterday: int
    new: int
    gone: int
    new_per_hour: float
    metrics: int
    limit: int = Field(description="Series a day that are accepted")


class SeriesOfDay(BaseModel):
    """Growth."""

    day: str
    series: int


class MetricSeries(BaseModel):
    """How many series a metric has."""

    metric: str
    series: int


class MetricChurn(MetricSeries):
    """A metric with its churn and use."""

    yesterday: int
    new: int
    gone: int
    queries: int
    last_queried_at: str | None


class ValueSeries(BaseModel):
    """How many series have a label's value."""

    value: str
    series: int


class LabelRow(BaseModel):
    """A label."""

    label: str
    values: int
    series: int
    bytes: int
    top: list[ValueSeries]


class Unqueried(BaseModel):
    """What no query selected."""

    since: str | None
    metrics: int
    series: int
    list: list[MetricSeries]


class CardinalityAnswer(BaseModel):
    """Series of a tenant."""

    series: SeriesToday
    days: list[SeriesOfDay]
    metrics: list[MetricChurn]
    labels: list[LabelRow]
    unqueried: Unqueried
