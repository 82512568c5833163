"""Grafana's dashboard JSON as a dashboard of ours, as much of it as can be; and a report on the rest."""

import json
from dataclasses import dataclass
from typing import Any

from traceo.dashboards.foreign import Foreign, ImportNote, Report
from traceo.dashboards.grafana_panels import translate_panels
from traceo.dashboards.grafana_queries import Translator
from traceo.dashboards.grafana_variables import translate_annotations, translate_variables, variable_names
from traceo.dashboards.model import Dashboard, read_dashboard, write_dashboard
from traceo.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Imported:
    """A dashboard that can be saved, and what was left out or changed on the way. Of an own export: nothing."""

    dashboard: Dashboard
    notes: tuple[ImportNote, ...]


def import_dashboard(value: Any) -> Imported:
    """From an export of Traceo or Grafana. Raises InvalidRequest for what is neither, PayloadTooLarge."""
    if isinstance(value, dict) and "traceo" in value:
        return Imported(read_dashboard(value), ())
    board = Foreign(value)
    if board.value.get("dashboard"):  # as Grafana's API answers
        board = board.node("dashboard")
    if "elements" in board.value or "elements" in board.node("spec").value:
        raise InvalidRequest(
            "this is Grafana's schema v2: export it in the classic model (Export as code, Model: Classic), or save it "
            "with an older Grafana"
        )
    if "panels" not in board.value and "rows" not in board.value:
        raise InvalidRequest("expected a dashboard as Traceo or Grafana export it: an object with panels")
    return _translate(board)


def _translate(board: Foreign) -> Imported:
    report = Report()
    inputs = {item.text("name"): item.text("pluginId") for item in board.nodes("__inputs")}
    for item in board.node("templating").nodes("list"):
        if item.text("type") == "datasource":
            inputs[item.text("name")] = item.text("query")
    translator = Translator(report, variable_names(board), inputs)
    dashboard = Dashboard(
        title=board.text("title") or "Imported dashboard",
        description=board.lines("description", 2000),
        tags=tuple(board.texts("tags")[:20]),
        variables=tuple(translate_variables(board, report, translator)),
        annotations=tuple(translate_annotations(board, report, translator)),
        panels=tuple(translate_panels(board, report, translator)),
    )
    if board.value.get("links"):
        report.add("links", "", "links to other dashboards were left out")
    return Imported(_checked(dashboard), tuple(report.notes))


def _checked(dashboard: Dashboard) -> Dashboard:
    """What a translation makes must meet the same rules as what is typed in."""
    return read_dashboard(json.loads(write_dashboard(dashboard)))
