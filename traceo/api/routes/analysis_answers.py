"""The answers of the analysis routes, for OpenAPI: what clients are typed from."""

from pydantic import BaseModel


class SpanName(BaseModel):
    """What tells a span to a reader."""

    span_id: str
    service: str
    operation: str
    span_kind: str


class PathSegment(SpanName):
    """A stretch of time in which one span, and none of its children, is on the path."""

    offset_ns: int
    duration_ns: int
    kind: str


class PathSum(BaseModel):
    """Segments of one service, operation and kind of wait."""

    service: str
    operation: str
    span_kind: str
    kind: str
    duration_ns: int
    share: float


class CriticalPath(BaseModel):
    """The segments' durations add up to `duration_ns`."""

    trace_id: str
    root: SpanName
    start_time_ns: int
    duration_ns: int
    spans: int
    kinds: dict[str, int]
    on_path: list[PathSum]
    segments: list[PathSegment]
    truncated: bool
    roots: list[SpanName]
    mended: list[str]


class Cohort(BaseModel):
    """The traces around a quantile."""

    level: float
    traces: int
    stands_for: float
    shortest_ms: float
    longest_ms: float
    mean_ms: float


class PathGroup(BaseModel):
    """A service, an operation and a kind of wait."""

    service: str
    operation: str
    span_kind: str
    kind: str


class Contribution(PathGroup):
    """Mean milliseconds on the path; `low_ms` to `high_ms`: 95 % interval of the difference."""

    at_quantile_ms: float
    at_baseline_ms: float
    difference_ms: float
    low_ms: float
    high_ms: float
    share: float
    certain: bool
    examples: list[str]


class ProfileSeries(PathGroup):
    """Mean milliseconds in each band of durations."""

    ms: list[float]


class Profile(BaseModel):
    """How the path is made up, from the fastest to the slowest traces."""

    upper_quantiles: list[float]
    series: list[ProfileSeries]
    rest_ms: list[float]


class AggregatePath(BaseModel):
    """The critical paths of an operation at two quantiles."""

    service: str
    operation: str
    traces: int
    traces_read: int
    spans_read: int
    sampled: bool
    truncated: bool
    quantile: Cohort
    baseline: Cohort
    difference_ms: float
    groups: int
    contributions: list[Contribution]
    overlapping: bool
    profile: Profile


class ComparedSet(BaseModel):
    """A set of traces: how many were found, how many were compared, what those stand for."""

    traces: int
    traces_compared: int
    stands_for: float


class Tested(BaseModel):
    """`q_value` is corrected for all tests of the answer; `significant`: it is below 0.05."""

    selection_traces: int
    baseline_traces: int
    effect: float
    p_value: float
    q_value: float
    significant: bool


class ComparedValue(Tested):
    """The share of traces that have a value (null: that have the key); `effect` is Cohen's h. `outcome`: the attribute
    is how a failure shows, not where it comes from.
    """

    scope: str
    key: str
    outcome: bool
    value: str | None
    selection_share: float
    baseline_share: float
    difference: float


class ComparedNumber(Tested):
    """An attribute that is a number; `effect` is the rank-biserial correlation, `distance` Kolmogorov and Smirnov's."""

    key: str
    outcome: bool
    distance: float
    selection_median: float
    baseline_median: float


class ComparedDuration(Tested):
    """How long an operation took in a trace, in ms; `effect` and `distance` as of numbers."""

    service: str
    operation: str
    distance: float
    selection_median: float
    baseline_median: float


class ComparedKey(BaseModel):
    """How many values a key has. Where a trace has one of them: the shares of those that are not shown, and a test of
    whether the sets differ in it; `effect` is Cramér's V.
    """

    scope: str
    key: str
    outcome: bool
    distinct_values: int
    shown_values: int
    selection_rest_share: float | None
    baseline_rest_share: float | None
    effect: float | None
    p_value: float | None
    q_value: float | None
    significant: bool


class Comparison(BaseModel):
    """Two sets of traces, the largest effects first."""

    tests: int
    attributes: list[ComparedValue]
    keys: list[ComparedKey]
    numbers: list[ComparedNumber]
    durations: list[ComparedDuration]
    selection: ComparedSet
    baseline: ComparedSet
    sampled: bool


class DurationLevel(BaseModel):
    """A row of the map: durations from, up to."""

    level: int
    from_ns: float
    to_ns: float


class DurationCell(BaseModel):
    """`errors` is null where the roll-up answered: it has them by column only."""

    column: int
    level: int
    count: float
    errors: float | None
    examples: list[str]


class ColumnErrors(BaseModel):
    """Errors of a stretch of time."""

    column: int
    errors: float


class DurationMap(BaseModel):
    """Cells that have spans; column 0 begins at `start_ns`."""

    source: str
    start_ns: int
    step_ns: int
    columns: int
    per_double: int
    levels: list[DurationLevel]
    cells: list[DurationCell]
    column_errors: list[ColumnErrors]
    truncated: bool


class ErrorVersion(BaseModel):
    """How often a version of a service had it."""

    service: str
    version: str
    count: float
    first_seen_ns: int
    last_seen_ns: int


class NewIn(BaseModel):
    """The version from which on a service has it."""

    service: str
    version: str


class ErrorGroup(BaseModel):
    """Errors that are alike."""

    id: str
    kind: str
    type: str
    message: str
    example_message: str
    operation: str
    language: str
    frames: list[str]
    stack: str
    count: float
    traces: int
    first_seen_ns: int
    last_seen_ns: int
    points: list[float]
    sources: list[str]
    versions: list[ErrorVersion]
    new_in: list[NewIn]
    example_traces: list[str]


class ErrorGroups(BaseModel):
    """The most frequent first; `groups` is how many there are."""

    step_ns: int
    errors: list[ErrorGroup]
    groups: int
    truncated: bool
