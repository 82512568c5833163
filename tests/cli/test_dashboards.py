"""`traceo dashboards` against the real API, over HTTP."""

import json
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Server
from traceo.cli import main
from traceo.demo import save_dashboard

PANEL = {"type": "timeseries", "title": "Up", "targets": [{"expr": "up"}], "gridPos": {"x": 0, "y": 0, "w": 8, "h": 8}}


def test_dashboards_are_imported_listed_and_exported(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str, code: int = 0) -> tuple[str, str]:
        got = main(["dashboards", *words, "--url", server.url(), "--tenant", "boards"])
        printed = capsys.readouterr()
        assert got == code, printed.err
        return printed.out, printed.err

    file = tmp_path / "nodes.json"
    file.write_text(json.dumps({"title": "Nodes", "panels": [PANEL, {"type": "geomap", "title": "Where"}]}))
    out, report = run("import", str(file), "--dry-run")
    assert out == "" and report.startswith(
        "panels[1] (Where): a panel was left out: of type geomap; there are time_ser"
    )
    assert run("import", str(file), "--id", "nodes")[0] == "dashboard nodes, version 1: Nodes, 1 panels\n"
    exported, _ = run("export", "nodes")
    assert json.loads(exported)["panels"][0]["queries"] == [{"language": "promql", "text": "up", "legend": ""}]
    file.write_text(exported.replace('"Nodes"', '"All nodes"'))
    out, report = run("import", str(file), "--id", "nodes", "--json")
    assert (json.loads(out), report) == ({"id": "nodes", "version": 2, "notes": []}, "")
    listed, _ = run("list", "--search", "all")
    assert "nodes  All nodes" in listed and "nothing found" in run("list", "--search", "else")[0]
    file.write_text("{")
    assert "cannot read" in run("import", str(file), code=2)[1]
    file.write_text('{"traceo": 1, "title": "t", "panels": [{}]}')
    assert "panels[0].kind: is missing" in run("import", str(file), code=2)[1]
    assert "there is no dashboard 'none'" in run("export", "none", code=1)[1]


def test_dashboard_of_the_demo_is_saved_once(server: Server) -> None:
    for _ in range(2):
        save_dashboard(server.url())
    saved = httpx.get(f"{server.url()}/api/v1/dashboards/shop").json()
    assert (saved["version"], saved["title"]) == (1, "Shop")
