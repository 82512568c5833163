"""Dashboards: what is taken and what is refused, versions, tenants; on SQLite and PostgreSQL."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, get_args

import pytest
from sqlalchemy import Engine

from traceo.dashboards import model, service
from traceo.dashboards.model import Dashboard, Kind, read_dashboard, write_dashboard
from traceo.dashboards.service import DashboardService
from traceo.demo import SHOP_DASHBOARD
from traceo.errors import Conflict, InvalidRequest, LimitExceeded, NotFound, PayloadTooLarge
from traceo.state.database import open_state

PLACE = {"x": 0, "y": 0, "w": 12, "h": 8}
UP = {"language": "promql", "text": "up", "legend": "{{job}}"}
PANEL = {"id": 1, "kind": "time_series", "grid": PLACE, "queries": [UP], "thresholds": [{"value": 1, "level": "bad"}]}
WHOLE: dict[str, Any] = {
    "traceo": 1,
    "title": "Shop 🛒",
    "tags": ["shop"],
    "variables": [{"name": "job", "kind": "query", "query": "label_values(up, job)", "multiple": True}],
    "annotations": [{"name": "Deploys", "kind": "deploys", "query": "payment"}],
    "panels": [PANEL, {"id": 2, "kind": "text", "grid": PLACE | {"y": 8}, "text": "# Runbook\n\tline\n"}],
}


def with_panel(**changed: Any) -> dict[str, Any]:
    return {"title": "t", "panels": [PANEL | changed]}


@pytest.fixture
def dashboards(state_url: str) -> Iterator[DashboardService]:
    engine: Engine = open_state(state_url)
    yield DashboardService(engine)
    engine.dispose()


def test_dashboard_of_the_demo_has_every_kind_of_panel() -> None:
    kinds = {panel.kind for panel in read_dashboard(json.loads(SHOP_DASHBOARD.read_text())).panels}
    assert kinds == set(get_args(Kind))


def titled(title: str, *tags: str) -> Dashboard:
    return read_dashboard({"title": title, "tags": list(tags)})


def test_what_is_exported_can_be_imported() -> None:
    read = read_dashboard(WHOLE)
    assert read.panels[0].queries[0].legend == "{{job}}" and read.variables[0].multiple
    again = json.loads(write_dashboard(read))
    assert again == json.loads(json.dumps(asdict(read))) and read_dashboard(again) == read


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "^expected an object, got a list"),
        ({}, "^title: is missing"),
        ({"title": ""}, "^title: it has 0 characters"),
        ({"title": "a\nb"}, "^title: it has control characters"),
        ({"title": "\ud800"}, "^title: it has control characters"),
        ({"title": "t", "traceo": 2}, "^traceo: expected one of 1, got 2"),
        ({"title": "t", "traceo": True}, "^traceo: expected one of 1"),
        ({"title": "t", "panles": []}, "^panles: unknown field, did you mean panels"),
        ({"title": "t", "tags": "shop"}, "^tags: expected a list, got 'shop'"),
        ({"title": "t", "tags": [7]}, r"^tags\[0\]: expected a text, got 7"),
        ({"title": "t", "panels": [PANEL] * 101}, "^panels: there are 101; 100 is the most"),
        ({"title": "t", "panels": [PANEL, PANEL]}, r"^panels\[1\]\.id: 1 is given twice"),
        (with_panel(kind="pie"), r"^panels\[0\]\.kind: expected one of time_series, .* got 'pie'"),
        (with_panel(kind="timeseries"), "did you mean time_series"),
        (with_panel(id=0), r"^panels\[0\]\.id: expected 1 to"),
        (with_panel(id=True), r"^panels\[0\]\.id: expected a whole number"),
        (with_panel(grid=PLACE | {"w": 0}), r"^panels\[0\]\.grid\.w: expected 1 to 24, got 0"),
        (with_panel(grid=PLACE | {"x": 13}), r"^panels\[0\]\.grid: x \+ w is 25"),
        (with_panel(grid={"x": 0}), r"^panels\[0\]\.grid\.y: is missing"),
        (with_panel(kind="logs"), r"^panels\[0\]\.queries\[0\]\.language: a panel of kind logs is asked in logql"),
        (with_panel(kind="text"), r"^panels\[0\]\.queries: a panel of kind text asks nothing"),
        (with_panel(kind="heat_map", queries=[UP, UP]), r"^panels\[0\]\.queries: .* has one query"),
        (with_panel(queries=[UP | {"text": "x" * 10_001}]), r"^panels\[0\]\.queries\[0\]\.text: it has 10001"),
        (with_panel(queries=[{"text": "up"}]), r"^panels\[0\]\.queries\[0\]\.language: is missing"),
        (
            with_panel(thresholds=[{"value": float("nan"), "level": "bad"}]),
            r"thresholds\[0\]\.value: expected a number",
        ),
        (with_panel(stacked="yes"), r"^panels\[0\]\.stacked: expected true or false"),
        ({"title": "t", "variables": [{"name": "__a", "kind": "text"}]}, r"^variables\[0\]\.name: expected letters"),
        ({"title": "t", "variables": [{"name": "a", "kind": "query"}]}, r"^variables\[0\]\.query: .* needs one"),
        ({"title": "t", "variables": [{"name": "a", "kind": "custom"}]}, r"^variables\[0\]\.values: .* at least one"),
        (
            {"title": "t", "variables": [{"name": "a", "kind": "interval", "values": ["5m", "soon"]}]},
            r"^variables\[0\]\.values\[1\]: expected a duration such as 5m, got 'soon'",
        ),
        ({"title": "t", "annotations": [{"name": "a", "kind": "sql", "query": "q"}]}, r"^annotations\[0\]\.kind:"),
    ],
)
def test_mistake_is_told_with_its_place(document: Any, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        read_dashboard(document)


def test_dashboard_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "MAX_DOCUMENT", 500)
    with pytest.raises(PayloadTooLarge, match="500 is the most"):
        write_dashboard(read_dashboard(WHOLE))


def test_versions_are_added_restored_and_removed_with_the_dashboard(dashboards: DashboardService) -> None:
    first = dashboards.create("acme", read_dashboard(WHOLE), "ann", "begun")
    second = dashboards.replace("acme", first.id, titled("Second"), 1, "bob")
    assert (first.version, second.version) == (1, 2)
    restored = dashboards.restore("acme", first.id, 1, "cid")
    assert restored.dashboard == first.dashboard and restored.comment == "version 1 restored"
    assert dashboards.read("acme", first.id) == restored
    assert dashboards.read("acme", first.id, 2) == second
    heads = dashboards.list_versions("acme", first.id)
    assert [(head.version, head.title, head.panels, head.created_by) for head in heads] == [
        *((3, "Shop 🛒", 2, "cid"), (2, "Second", 0, "bob"), (1, "Shop 🛒", 2, "ann")),
    ]
    dashboards.remove("acme", first.id)
    for call in (
        lambda: dashboards.read("acme", first.id),
        lambda: dashboards.list_versions("acme", first.id),
        lambda: dashboards.restore("acme", first.id, 1, "ann"),
        lambda: dashboards.replace("acme", first.id, titled("a"), 3, "ann"),
        lambda: dashboards.remove("acme", first.id),
    ):
        with pytest.raises(NotFound, match=f"there is no .*dashboard '{first.id}'"):
            call()


def test_who_saves_over_a_newer_version_is_told(dashboards: DashboardService) -> None:
    made = dashboards.create("acme", titled("a"), "ann", id_="shop")
    dashboards.replace("acme", "shop", titled("b"), made.version, "ann")
    with pytest.raises(Conflict, match="saved version 2 meanwhile; yours was made from version 1"):
        dashboards.replace("acme", "shop", titled("c"), made.version, "bob")
    with pytest.raises(Conflict, match="there is a dashboard shop already"):
        dashboards.create("acme", titled("a"), "ann", id_="shop")
    assert dashboards.read("acme", "shop").title == "b"


def test_tenants_see_their_own_and_search_by_words(dashboards: DashboardService) -> None:
    dashboards.create("acme", titled("Payments, EU", "shop", "money"), "ann", id_="pay")
    dashboards.create("acme", titled("nodes"), "ann", id_="nodes")
    dashboards.create("other", titled("Payments"), "ann", id_="pay")
    dashboards.replace("acme", "nodes", titled("Nodes"), 1, "ann")
    assert [(head.title, head.version) for head in dashboards.list_heads("acme")] == [("Nodes", 2), ("Payments, EU", 1)]
    assert [head.id for head in dashboards.list_heads("acme", "MONEY payments")] == ["pay"]
    assert dashboards.list_heads("acme", "money nodes") == []
    dashboards.remove("other", "pay")
    assert dashboards.read("acme", "pay").tags == ("shop", "money")


def test_numbers_are_limited(dashboards: DashboardService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_DASHBOARDS", 1)
    monkeypatch.setattr(service, "MAX_VERSIONS", 2)
    made = dashboards.create("acme", titled("0"), "x" * 300, id_="a")
    assert len(made.created_by) == 250
    for version in (1, 2, 3):
        dashboards.replace("acme", "a", titled(str(version)), version, "ann")
    assert [head.version for head in dashboards.list_versions("acme", "a")] == [4, 3]
    with pytest.raises(LimitExceeded, match="acme has 1 dashboards"):
        dashboards.create("acme", titled("b"), "ann")
    dashboards.create("other", titled("b"), "ann")
    with pytest.raises(InvalidRequest, match="comment: expected"):
        dashboards.replace("acme", "a", replace(made.dashboard, title="c"), 4, "ann", "x" * 1001)


@pytest.mark.parametrize("id_", ["A", "-a", "a/b", "a" * 65, "a\n"])
def test_id_is_part_of_a_link(dashboards: DashboardService, id_: str) -> None:
    with pytest.raises(InvalidRequest, match="id: expected up to 64"):
        dashboards.create("acme", titled("a"), "ann", id_=id_)
