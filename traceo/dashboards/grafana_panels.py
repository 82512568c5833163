"""Grafana's panels as panels: kind, unit, thresholds, the one value of a series, and where they lie."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from traceo.dashboards.foreign import Foreign, Report
from traceo.dashboards.grafana_queries import Translator, selects_lines
from traceo.dashboards.model import (
    COLUMNS,
    LANGUAGES,
    MAX_HEIGHT,
    MAX_PANELS,
    MAX_TEXT,
    MAX_Y,
    ONE_QUERY,
    GridPlace,
    Kind,
    Level,
    Panel,
    PanelQuery,
    Reduce,
    Threshold,
)

KINDS: dict[str, Kind] = {
    **{"timeseries": "time_series", "graph": "time_series", "stat": "stat", "singlestat": "stat", "gauge": "stat"},
    **{"bargauge": "bar", "barchart": "bar", "piechart": "bar", "table": "table", "table-old": "table"},
    **{"heatmap": "heat_map", "histogram": "histogram", "logs": "logs", "traces": "traces", "text": "text"},
    **{"row": "row", "nodeGraph": "map"},
}
DRAWN_AS = {"gauge": "a number with its course", "piechart": "bars"}
UNITS = {
    **dict.fromkeys(("bytes", "decbytes"), "bytes"),
    **dict.fromkeys(("bits", "decbits"), "bits"),
    **dict.fromkeys(("Bps", "binBps"), "bytes_per_s"),
    **dict.fromkeys(("bps", "binbps"), "bits_per_s"),
    **dict.fromkeys(("reqps", "ops", "rps", "wps", "iops", "cps", "pps", "mps", "eps"), "per_s"),
    **{"percent": "percent", "percentunit": "ratio", "s": "seconds", "ms": "milliseconds", "µs": "microseconds"},
    **{"ns": "nanoseconds", "celsius": "°C", "hertz": "Hz", "volt": "V", "amp": "A", "watt": "W", "rotrpm": "rpm"},
    **dict.fromkeys(("none", "short", "locale", "string", "sishort"), ""),
}
CALCULATIONS: dict[str, Reduce] = {
    **{"last": "last", "lastNotNull": "last", "current": "last", "mean": "mean", "avg": "mean", "min": "min"},
    **{"max": "max", "sum": "sum", "total": "sum"},
}
GREEN, RED = ("green", "blue", "transparent", "text"), ("red",)


def translate_panels(board: Foreign, report: Report, translator: Translator) -> list[Panel]:
    """All that can be shown, in their places, none over another."""
    found: list[Panel] = []
    for node, grid in _places(board):
        if panel := _panel(node, grid, report, translator):
            found.append(replace(panel, id=len(found) + 1))
    if len(found) > MAX_PANELS:
        report.add("panels", "", f"of {len(found)} panels the first {MAX_PANELS} were taken")
    return settle(found[:MAX_PANELS])


def settle(panels: list[Panel]) -> list[Panel]:
    """Panels that lie over an earlier one are moved down."""
    placed: list[Panel] = []
    for panel in sorted(panels, key=lambda panel: (panel.grid.y, panel.grid.x)):
        y, grid = panel.grid.y, panel.grid
        while below := [other.grid.y + other.grid.h for other in placed if _overlap(replace(grid, y=y), other.grid)]:
            y = max(below)
        placed.append(replace(panel, grid=replace(grid, y=min(y, MAX_Y))))
    return placed


def _overlap(a: GridPlace, b: GridPlace) -> bool:
    return a.x < b.x + b.w and b.x < a.x + a.w and a.y < b.y + b.h and b.y < a.y + a.h


def _places(board: Foreign) -> Iterator[tuple[Foreign, GridPlace]]:
    """Every panel with its place; what a collapsed row hides lies below it and moves the rest down."""
    moved = 0
    for panel in board.nodes("panels"):
        grid = _grid(panel)
        yield panel, replace(grid, y=min(grid.y + moved, MAX_Y))
        inner = list(panel.nodes("panels"))
        if inner:
            top = min(_grid(each).y for each in inner)
            for each in inner:
                place = _grid(each)
                yield each, replace(place, y=min(place.y - top + grid.y + grid.h + moved, MAX_Y))
            moved += max(_grid(each).y + _grid(each).h for each in inner) - top
    y = 0
    for row in board.nodes("rows"):  # before version 16 of the format
        yield Foreign(row.value | {"type": "row"}, row.place), GridPlace(0, min(y, MAX_Y), COLUMNS, 1)
        x, y = 0, y + 1
        for panel in row.nodes("panels"):
            width = _within(2 * (panel.number("span") or 12), 1, COLUMNS)
            x, y = (x, y) if x + width <= COLUMNS else (0, y + 8)
            yield panel, GridPlace(x, min(y, MAX_Y), width, 8)
            x += width
        y += 8


def _grid(panel: Foreign) -> GridPlace:
    given = panel.node("gridPos")
    width = _within(given.number("w") or 12, 1, COLUMNS)
    height = 1 if panel.text("type") == "row" else _within(given.number("h") or 8, 1, MAX_HEIGHT)
    x, y = _within(given.number("x") or 0, 0, COLUMNS - width), _within(given.number("y") or 0, 0, MAX_Y)
    return GridPlace(x, y, width, height)


def _within(value: float, least: int, most: int) -> int:
    return round(min(max(value, least), most))


def _panel(node: Foreign, grid: GridPlace, report: Report, translator: Translator) -> Panel | None:
    given, title = node.text("type"), node.text("title")
    kind = KINDS.get(given)
    if kind is None:
        what = "it is in a library, not in the file" if node.value.get("libraryPanel") else f"of type {given or 'none'}"
        report.add(node.place, title, f"a panel was left out: {what}; there are {', '.join(LANGUAGES)}")
        return None
    if given in DRAWN_AS:
        report.add(node.place, title, f"{given} is shown as {DRAWN_AS[given]}")
    if kind == "row":
        return Panel("row", replace(grid, x=0, w=COLUMNS, h=1), 1, title)
    if kind == "text":
        return Panel("text", grid, 1, title, text=_markdown(node, title, report))
    queries = list(translator.queries(node)) if LANGUAGES[kind] else []
    kind, queries = _fit(kind, queries, node, report)
    _report_rest(node, title, report)
    defaults = node.node("fieldConfig", "defaults")
    custom = defaults.node("custom")
    return Panel(
        kind,
        grid,
        1,
        title,
        node.lines("description", 2000),
        tuple(queries),
        _unit(node, defaults, title, report),
        tuple(_thresholds(node, defaults)),
        _reduce(node, title, report),
        _draw(node, custom),
        node.flag("stack") or custom.node("stacking").text("mode") in ("normal", "percent"),
    )


def _fit(kind: Kind, queries: list[PanelQuery], node: Foreign, report: Report) -> tuple[Kind, list[PanelQuery]]:
    """Panels of lines and of numbers ask differently: what is asked decides."""
    title, finding = node.text("title"), [query for query in queries if selects_lines(query)]
    if finding and kind not in ("logs", "traces"):
        kind = "logs" if finding[0].language == "logql" else "traces"
        report.add(node.place, title, f"its query finds lines or traces: it is shown as {kind}")
    elif queries and not finding and kind in ("logs", "traces"):
        kind = "time_series"
        report.add(node.place, title, "its query computes numbers: it is shown as time_series")
    wanted = finding if kind in ("logs", "traces") else queries
    fitting = [query for query in wanted if query.language in LANGUAGES[kind]]
    kept = fitting[:1] if kind in ONE_QUERY else fitting
    if left := len(queries) - len(kept):
        report.add(node.at("targets"), title, f"{left} of its queries do not fit a panel of kind {kind}")
    return kind, kept


def _markdown(node: Foreign, title: str, report: Report) -> str:
    options = node.node("options")
    mode = options.text("mode") or node.text("mode")
    text = options.lines("content", MAX_TEXT) or node.lines("content", MAX_TEXT)
    if mode == "html":
        report.add(node.place, title, "HTML is shown as the text that it is")
        return f"```\n{text[: MAX_TEXT - 10]}\n```"
    return f"```\n{text[: MAX_TEXT - 10]}\n```" if mode == "code" else text


def _unit(node: Foreign, defaults: Foreign, title: str, report: Report) -> str:
    axes = next(node.nodes("yaxes"), Foreign(None))
    unit = defaults.text("unit") or node.text("format") or axes.text("format")
    if unit in UNITS:
        return UNITS[unit]
    for prefix in ("suffix:", "prefix:", "currency", "si:"):
        if unit.startswith(prefix):
            return unit.removeprefix(prefix)[:20]
    if unit and unit not in ("time_series", "table"):
        report.add(defaults.at("unit"), title, f"the unit {unit} is not known: it stands behind the number")
        return unit[:20]
    return ""


def _thresholds(node: Foreign, defaults: Foreign) -> Iterator[Threshold]:
    steps = [(step.number("value"), step.text("color")) for step in defaults.node("thresholds").nodes("steps")]
    if not steps and node.text("thresholds"):  # singlestat: "70,90" between three colours
        values = [Foreign({"": part}).number("") for part in node.text("thresholds").split(",")]
        steps = list(zip(values, node.texts("colors")[1:] or ("orange", "red"), strict=False))
    in_percent = defaults.node("thresholds").text("mode") == "percentage"
    for value, color in steps[:10]:
        if value is not None and not in_percent:
            yield Threshold(value, _level(color))


def _level(color: str) -> Level:
    if any(word in color for word in RED):
        return "bad"
    return "good" if any(word in color for word in GREEN) else "warn"


def _reduce(node: Foreign, title: str, report: Report) -> Reduce:
    options = node.node("options", "reduceOptions")
    wanted = next(iter(options.texts("calcs")), "") or node.text("valueName") or "last"
    if wanted not in CALCULATIONS:
        report.add(options.at("calcs"), title, f"the calculation {wanted} is not known: the last value is shown")
    return CALCULATIONS.get(wanted, "last")


def _draw(node: Foreign, custom: Foreign) -> Literal["line", "area", "bars"]:
    if custom.text("drawStyle") == "bars" or node.flag("bars"):
        return "bars"
    filled = (custom.number("fillOpacity") or 0) >= 10 or (node.text("type") == "graph" and node.number("fill"))
    return "area" if filled else "line"


def _report_rest(node: Foreign, title: str, report: Report) -> None:
    """What such a panel has that ours do not."""
    said = {
        "transformations": "transformations are not known: the answers are shown as they come",
        "repeat": "it is shown once, for all values of the variable together",
        "alert": "alerts are not imported",
        "links": "links were left out",
        "timeFrom": "its own time range was left out: the page's holds",
        "timeShift": "its time shift was left out: write offset into the query",
        "seriesOverrides": "overrides of single series were left out",
    }
    for name, why in said.items():
        if node.value.get(name):
            report.add(node.at(name), title, why)
    config = node.node("fieldConfig")
    if config.value.get("overrides"):
        report.add(config.at("overrides"), title, "overrides of single series were left out")
    if config.node("defaults").value.get("mappings"):
        report.add(config.node("defaults").at("mappings"), title, "value mappings were left out: numbers are shown")
    if config.node("defaults", "thresholds").text("mode") == "percentage":
        report.add(config.node("defaults").at("thresholds"), title, "thresholds in percent of the axis were left out")
