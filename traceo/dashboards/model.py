"""What a dashboard is: panels on a grid, variables, annotations. The fields are those of its JSON."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from traceo.dashboards.reading import read, rule
from traceo.errors import InvalidRequest, PayloadTooLarge

MAX_DOCUMENT = 1 << 20  # bytes of JSON
MAX_PANELS, MAX_QUERIES, MAX_VARIABLES, MAX_ANNOTATIONS, MAX_VALUES = 100, 20, 50, 20, 200
MAX_TITLE, MAX_QUERY, MAX_TEXT = 200, 10_000, 50_000
COLUMNS, MAX_HEIGHT, MAX_Y = 24, 60, 10_000
ID_PATTERN = r"[a-z0-9][a-z0-9_-]{0,63}"
VARIABLE_PATTERN = r"(?!__)[A-Za-z_][A-Za-z0-9_]{0,49}"

Kind = Literal["time_series", "stat", "table", "bar", "heat_map", "histogram", "logs", "traces", "map", "text", "row"]
Language = Literal["promql", "logql", "traceql", "sql"]
Reduce = Literal["last", "mean", "min", "max", "sum"]
VariableKind = Literal["query", "custom", "interval", "text", "constant"]
Level = Literal["good", "warn", "bad"]

ALL: tuple[Language, ...] = get_args(Language)
LANGUAGES: dict[Kind, tuple[Language, ...]] = {
    "time_series": ALL,
    "stat": ALL,
    "table": ALL,
    "bar": ALL,
    "histogram": ALL,
    "heat_map": ("promql", "logql", "traceql"),
    "logs": ("logql",),
    "traces": ("traceql",),
    "map": (),
    "text": (),
    "row": (),
}
ONE_QUERY: tuple[Kind, ...] = ("logs", "traces", "heat_map")


@dataclass(frozen=True, slots=True)
class GridPlace:
    """Where a panel lies: 24 columns, rows of 38 pixels."""

    x: int = rule(least=0, most=COLUMNS - 1)
    y: int = rule(least=0, most=MAX_Y)
    w: int = rule(least=1, most=COLUMNS)
    h: int = rule(least=1, most=MAX_HEIGHT)


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """What a panel asks. `legend`: what a series is called, with `{{label}}` for a label's value; empty: its labels."""

    language: Language
    text: str = rule(least=1, most=MAX_QUERY, lines=True)
    legend: str = rule("", most=500)


@dataclass(frozen=True, slots=True)
class Threshold:
    """From this value on, the panel is shown at this level."""

    value: float
    level: Level


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `unit`: a word that the UI knows (`bytes`, `seconds`), or what stands behind the number.

    `reduce`: the one value of a series, where one is shown. `text`: Markdown, of kind `text`; `service`: what a map is
    around; `limit`: of lines, traces, rows.
    """

    kind: Kind
    grid: GridPlace
    id: int = rule(least=1, most=(1 << 31) - 1)
    title: str = rule("", most=MAX_TITLE)
    description: str = rule("", most=2000, lines=True)
    queries: tuple[PanelQuery, ...] = rule((), most=MAX_QUERIES)
    unit: str = rule("", most=20)
    thresholds: tuple[Threshold, ...] = rule((), most=10)
    reduce: Reduce = "last"
    draw: Literal["line", "area", "bars"] = "line"
    stacked: bool = False
    text: str = rule("", most=MAX_TEXT, lines=True)
    service: str = rule("", most=500)
    limit: int = rule(100, least=1, most=1000)


@dataclass(frozen=True, slots=True)
class Variable:
    """What queries call `$name`. `values`: of kinds `custom` and `interval`; `default`: chosen at first.

    `query`: in PromQL and LogQL `label_values(selector, label)`, `label_values(label)`, `label_names()`,
    `metrics(pattern)` or `query_result(query)`; in SQL one whose first column has the values. `pattern`: a regular
    expression that values must match; its first group, if any, is the value.
    """

    kind: VariableKind
    name: str = rule(most=50, matches=VARIABLE_PATTERN, expected="letters, digits and _, and no __ at the beginning")
    label: str = rule("", most=MAX_TITLE)
    language: Literal["promql", "logql", "sql"] = "promql"
    query: str = rule("", most=MAX_QUERY, lines=True)
    pattern: str = rule("", most=500)
    values: tuple[str, ...] = rule((), most=MAX_VALUES)
    multiple: bool = False
    all: bool = False
    default: tuple[str, ...] = rule((), most=MAX_VALUES)


@dataclass(frozen=True, slots=True)
class Annotation:
    """Moments that charts mark: deploys of the service that `query` names, log lines, or when PromQL has a value."""

    kind: Literal["deploys", "logql", "promql"]
    name: str = rule(least=1, most=MAX_TITLE)
    query: str = rule(least=1, most=MAX_QUERY, lines=True)
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard, as it is stored, exported and imported. `traceo`: the version of this format."""

    title: str = rule(least=1, most=MAX_TITLE)
    traceo: Literal[1] = 1
    description: str = rule("", most=2000, lines=True)
    tags: tuple[str, ...] = rule((), most=20)
    variables: tuple[Variable, ...] = rule((), most=MAX_VARIABLES)
    annotations: tuple[Annotation, ...] = rule((), most=MAX_ANNOTATIONS)
    panels: tuple[Panel, ...] = rule((), most=MAX_PANELS)


@dataclass(frozen=True, slots=True)
class DashboardHead:
    """One version of a dashboard, without what it shows."""

    id: str
    version: int
    title: str
    tags: tuple[str, ...]
    panels: int
    created_at: datetime
    created_by: str
    comment: str


@dataclass(frozen=True, slots=True)
class DashboardVersion(DashboardHead):
    """One version of a dashboard."""

    dashboard: Dashboard


def read_dashboard(value: Any) -> Dashboard:
    """Checked JSON. Raises InvalidRequest with the path of the first mistake, PayloadTooLarge."""
    dashboard = read(Dashboard, value)
    _check_unique("panels", "id", [panel.id for panel in dashboard.panels])
    _check_unique("variables", "name", [variable.name for variable in dashboard.variables])
    for index, panel in enumerate(dashboard.panels):
        _check_panel(f"panels[{index}]", panel)
    for index, variable in enumerate(dashboard.variables):
        _check_variable(f"variables[{index}]", variable)
    return dashboard


def write_dashboard(dashboard: Dashboard) -> str:
    """As it is stored. Raises PayloadTooLarge."""
    document = json.dumps(asdict(dashboard), separators=(",", ":"))
    if len(document) > MAX_DOCUMENT:
        raise PayloadTooLarge(
            f"the dashboard has {len(document)} bytes; {MAX_DOCUMENT} is the most", limit_bytes=MAX_DOCUMENT
        )
    return document


def _check_unique(path: str, field: str, values: Iterable[object]) -> None:
    values = list(values)
    for value, count in Counter(values).items():
        if count > 1:
            last = len(values) - 1 - values[::-1].index(value)
            raise InvalidRequest(f"{path}[{last}].{field}: {value} is given twice")


def _check_panel(path: str, panel: Panel) -> None:
    if panel.grid.x + panel.grid.w > COLUMNS:
        raise InvalidRequest(f"{path}.grid: x + w is {panel.grid.x + panel.grid.w}; there are {COLUMNS} columns")
    known = LANGUAGES[panel.kind]
    if panel.queries and not known:
        raise InvalidRequest(f"{path}.queries: a panel of kind {panel.kind} asks nothing")
    if panel.kind in ONE_QUERY and len(panel.queries) > 1:
        raise InvalidRequest(f"{path}.queries: a panel of kind {panel.kind} has one query")
    for index, query in enumerate(panel.queries):
        if query.language not in known:
            raise InvalidRequest(
                f"{path}.queries[{index}].language: a panel of kind {panel.kind} is asked in {' or '.join(known)}"
            )


def _check_variable(path: str, variable: Variable) -> None:
    if variable.kind == "query" and not variable.query:
        raise InvalidRequest(f"{path}.query: a variable of kind query needs one")
    if variable.kind in ("custom", "interval") and not variable.values:
        raise InvalidRequest(f"{path}.values: a variable of kind {variable.kind} needs at least one")
    if variable.kind == "interval":
        for index, value in enumerate(variable.values):
            if not re.fullmatch(r"[0-9]{1,6}(ms|[smhdw])", value):
                raise InvalidRequest(f"{path}.values[{index}]: expected a duration such as 5m, got {value[:60]!r}")
