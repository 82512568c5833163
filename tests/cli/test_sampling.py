"""`traceo sampling policies` against the real API, over HTTP."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Server
from traceo.cli import main
from traceo.policies.model import ALL_TENANTS

ALL = "policies: [{name: all, type: always_sample}]\n"
SLOW = "decision_wait: 5s\nnum_traces: 7\npolicies: [{name: slow, type: latency, latency: {threshold_ms: 500}}]\n"
OTTL = "policies: [{name: a, type: ottl_condition, ottl_condition: {span: ['name ==']}}]"
NOTE = "note: num_traces: not needed here, traces wait in the store, not in memory"


class Shell:
    """Runs one action as a tenant."""

    def __init__(self, server: Server, tenant: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._flags = ["--url", server.url(), "--tenant", tenant]
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        got = main(["sampling", "policies", *words, *self._flags])
        printed = self._capsys.readouterr()
        assert got == code, printed.err
        return printed.err if code else printed.out

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


@pytest.fixture
def shell(server: Server, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(server, request.node.originalname, capsys)


@pytest.fixture
def slow(tmp_path: Path) -> str:
    path = tmp_path / "slow.yaml"
    path.write_text(SLOW)
    return str(path)


def test_policies_are_put_and_shown(shell: Shell, slow: str) -> None:
    assert shell("show") == "source:        none: everything is kept\n"
    assert shell("put", slow, "--comment", "first") == f"version 1 is in force: on\n{NOTE}\n"
    shown = shell("show")
    for line in ("source:        the tenant's own", "comment:       first", "mode:          on", "decision wait: 5 s"):
        assert line in shown.splitlines()
    assert SLOW in shown and NOTE in shown and "slow  latency" in shown
    assert shell.json("show")["document"] == SLOW


def test_dry_run_is_told(shell: Shell, slow: str) -> None:
    assert shell("put", slow, "--dry-run").startswith("version 1 is in force: dry run\n")
    assert shell.json("show")["dry_run"] is True


def test_versions_are_listed_and_restored(shell: Shell, slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nothing found" in shell("versions")
    shell("put", slow)
    monkeypatch.setattr("sys.stdin", io.StringIO(ALL))
    shell("put", "-", "--comment", "from standard input")
    assert shell("restore", "1").startswith("version 3 is in force: on\n")
    assert "from standard input" in shell("versions")
    assert [row["version"] for row in shell.json("versions")["versions"]] == [3, 2, 1]
    assert shell("restore", "9", code=1).startswith("traceo: tenant")


def test_tenant_is_switched_off_and_goes_by_the_default_again(shell: Shell, server: Server) -> None:
    server.policies.put(ALL_TENANTS, ALL, False, "file")
    assert "source:        the default of all tenants" in shell("show")
    assert shell("off", "--comment", "noise") == "version 1 is in force: off: everything is kept\n"
    assert "mode:          off: everything is kept" in shell("show")
    assert shell("default") == "version 2 is in force: as all tenants\n"
    assert shell.json("show")["source"] == "default"
    server.policies.remove(ALL_TENANTS, "test")


@pytest.mark.parametrize("offline", [True, False], ids=["offline", "on a server"])
@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("policies: [{name: a, type: latncy}]", "policies[0].type: unknown type 'latncy'; did you mean latency?"),
        (OTTL, "policies[0].ottl_condition.span[0]: "),
        (OTTL, "(at character 8)"),
        ("", "no policies"),
    ],
    ids=["type", "path of a condition", "position", "empty"],
)
def test_validation_says_what_is_wrong(
    shell: Shell, document: str, says: str, offline: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "policies.yaml"
    path.write_text(document)
    if offline:
        assert main(["sampling", "policies", "validate", str(path)]) == 2
        error = capsys.readouterr().err
    else:
        error = shell("validate", str(path), code=2)
        assert error == shell("put", str(path), code=2)
    assert error.startswith("traceo: ") and says in error


def test_validation_without_a_server_answers_as_with_one(
    shell: Shell, slow: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sampling", "policies", "validate", slow, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == shell.json("validate", slow)
    assert main(["sampling", "policies", "validate", slow]) == 0
    assert capsys.readouterr().out == shell("validate", slow)


def test_missing_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sampling", "policies", "validate", "/nowhere/policies.yaml"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("traceo: cannot read /nowhere/policies.yaml") and error.count("\n") == 1
