"""Grafana's JSON: what is taken, what is reported, and that nothing in it breaks the translation."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traceo.dashboards.grafana import Imported, import_dashboard
from traceo.dashboards.model import Panel
from traceo.errors import InvalidRequest

NODE = json.loads((Path(__file__).parent / "grafana" / "node.json").read_text())
PROMETHEUS = {"type": "prometheus", "uid": "p"}


def panel_of(**changed: Any) -> tuple[Panel, list[str]]:
    given = {"type": "timeseries", "datasource": PROMETHEUS, "targets": [{"expr": "up"}]} | changed
    imported = import_dashboard({"title": "t", "panels": [given]})
    return imported.dashboard.panels[0], [note.why for note in imported.notes]


def notes_of(imported: Imported) -> list[tuple[str, str]]:
    return [(note.place, note.why) for note in imported.notes]


def test_realistic_dashboard_is_taken_with_a_report_of_the_rest() -> None:
    imported = import_dashboard(NODE)
    assert import_dashboard({"dashboard": NODE, "meta": {"slug": "nodes"}}).dashboard == imported.dashboard
    board = imported.dashboard
    assert (board.title, board.tags) == ("Nodes of the shop", ("shop", "node"))
    assert [(panel.kind, panel.title, panel.unit) for panel in board.panels] == [
        ("row", "Overview of $service", ""),
        ("stat", "Memory", "bytes"),
        ("time_series", "Orders per second", "per_s"),
        ("logs", "Log lines", ""),
        ("traces", "Slow traces", ""),
        ("text", "", ""),
        ("row", "Details", ""),
        ("time_series", "Orders, old graph", "ratio"),
        ("time_series", "Influx", ""),
    ]
    memory, orders, lines, slow = board.panels[1:5]
    assert [(step.value, step.level) for step in memory.thresholds] == [(2e8, "warn"), (9e8, "bad")]
    assert (orders.draw, orders.stacked, orders.queries[0].legend) == ("area", True, "{{job}}")
    assert orders.queries[0].text.endswith("[$__rate_interval]))")
    assert lines.queries[0].text == '{service_name=~".+"} |= `$find`'
    assert slow.queries[0].text == '{ resource.service.name = "frontend" && duration > 10ms }'
    assert board.panels[7].queries[0].text == "sum(rate(shop_orders_total[${window}]))"
    assert board.panels[7].queries[0].legend == "in ${window}"
    assert [(variable.name, variable.kind, variable.values, variable.default) for variable in board.variables] == [
        ("service", "query", (), ()),
        ("window", "interval", ("1m", "5m"), ("5m",)),
        ("find", "text", (), ("order",)),
    ]
    assert board.variables[0].multiple and board.variables[0].all and board.variables[0].pattern == ".*"
    assert [(mark.name, mark.kind) for mark in board.annotations] == [("Failed charges", "logql")]
    places = {note.place for note in imported.notes}
    assert places == {
        "templating.list[0]",
        "templating.list[1].allValue",
        "templating.list[4]",
        "panels[1]",
        "panels[1].fieldConfig.defaults.mappings",
        "panels[2].targets[1]",
        "panels[2].targets[2]",
        "panels[2].fieldConfig.overrides",
        "panels[4]",
        "panels[6]",
        "panels[8].targets[0]",
        "panels[8].transformations",
        "links",
    }


def test_no_panel_lies_over_another_and_hidden_ones_move_the_rest_down() -> None:
    panels = import_dashboard(NODE).dashboard.panels
    cells = [(x, y) for panel in panels for x in _span(panel, "x", "w") for y in _span(panel, "y", "h")]
    assert len(cells) == len(set(cells))
    assert panels[-1].grid.y > panels[-2].grid.y > panels[-3].grid.y


def _span(panel: Panel, start: str, length: str) -> range:
    first = getattr(panel.grid, start)
    return range(first, first + getattr(panel.grid, length))


def test_own_export_comes_back_whole() -> None:
    board = import_dashboard(NODE).dashboard
    again = import_dashboard(json.loads(json.dumps(asdict(board))))
    assert again == Imported(board, ())


@pytest.mark.parametrize(
    ("changed", "kind", "why"),
    [
        ({"type": "piechart"}, "bar", "piechart is shown as bars"),
        ({"type": "logs"}, "time_series", "its query computes numbers"),
        ({"targets": [{"expr": '{a="b"} |= "c"', "datasource": {"type": "loki"}}]}, "logs", "finds lines or traces"),
        ({"targets": [{"query": "{} | rate()", "datasource": {"type": "tempo"}}]}, "time_series", None),
        ({"targets": [{"query": "ab12", "datasource": {"type": "tempo"}}]}, "time_series", "one trace by its id"),
        ({"targets": [{"expr": "sum(up"}]}, "time_series", "cannot be asked"),
        ({"targets": [{"expr": "topk($n, up)"}]}, "time_series", "there is no variable $n"),
        ({"targets": [{"expr": "up{a=~'${b:glob}'}"}]}, "time_series", "the format glob of $b"),
        ({"targets": [{"expr": " "}]}, "time_series", "the query is empty"),
        ({"targets": [{"expr": "up"}] * 21}, "time_series", "of 21 queries the first 20"),
        ({"type": "heatmap", "targets": [{"expr": "up"}, {"expr": "down"}]}, "heat_map", "1 of its queries do not fit"),
        ({"fieldConfig": {"defaults": {"unit": "furlongs"}}}, "time_series", "the unit furlongs is not known"),
        ({"repeat": "job"}, "time_series", "shown once, for all values"),
        ({"type": "text", "options": {"mode": "html", "content": "<b>"}, "targets": []}, "text", "HTML is shown as"),
        ({"type": "nodeGraph"}, "map", None),
    ],
)
def test_what_is_shown_otherwise_is_said(changed: dict[str, Any], kind: str, why: str | None) -> None:
    panel, notes = panel_of(**changed)
    assert panel.kind == kind
    assert any(why in note for note in notes) if why else notes == []


def test_old_rows_and_single_values_are_taken() -> None:
    single = {
        "type": "singlestat",
        "span": 4,
        "format": "percent",
        "thresholds": "70,90",
        "valueName": "avg",
        "title": "a",
    }
    row = {"title": "CPU", "panels": [single | {"targets": [{"expr": "up"}]}] * 4}
    board = import_dashboard({"title": "old", "rows": [row]}).dashboard
    assert [(panel.grid.x, panel.grid.y, panel.grid.w) for panel in board.panels] == [
        *((0, 0, 24), (0, 1, 8), (8, 1, 8), (16, 1, 8), (0, 9, 8)),
    ]
    assert (board.panels[1].unit, board.panels[1].reduce) == ("percent", "mean")
    assert [step.level for step in board.panels[1].thresholds] == ["warn", "bad"]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "expected a dashboard as Traceo or Grafana export it"),
        ({"title": "t"}, "expected a dashboard as Traceo or Grafana export it"),
        ({"spec": {"elements": {}}}, "schema v2"),
        ({"traceo": 1, "title": "t", "panles": []}, "panles: unknown field"),
    ],
)
def test_what_is_no_dashboard_is_refused(value: Any, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        import_dashboard(value)


PLAIN = st.none() | st.booleans() | st.floats() | st.text(max_size=8)
WORDS = st.sampled_from(["timeseries", "row", "text", "logs", "prometheus", "$x", "[[a]]"])
NAMES = st.sampled_from(
    ["type", "title", "gridPos", "targets", "expr", "datasource", "list", "panels", "name", "x", "h"]
)
BROKEN = st.recursive(
    PLAIN | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
PARTS = {"title": PLAIN, "panels": st.lists(BROKEN, max_size=4), "templating": BROKEN, "annotations": BROKEN}


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries(PARTS))
def test_whatever_it_holds_a_dashboard_comes_out(value: dict[str, Any]) -> None:
    assert import_dashboard(value).dashboard.title
