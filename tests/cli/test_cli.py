"""The command line: settings, tokens, answers of a server, and errors as one line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.cli.sampling_answers import BUDGETS, KEPT, LEDGER, SIMULATION
from traceo.cli import main
from traceo.commands.display import console, in_tree_order, show_duration

SPAN = {"service": "shop", "name": "GET /", "start_time_ns": 0, "duration_ns": 1000, "status_message": ""}
SPANS = [
    {**SPAN, "span_id": "a", "parent_span_id": None, "status": "unset"},
    {**SPAN, "span_id": "b", "parent_span_id": "a", "status": "error", "name": "pay"},
    {**SPAN, "span_id": "c", "parent_span_id": "gone", "status": "ok"},
]
RED = {"requests": 2, "rate_per_s": 0.5, "error_ratio": 0.5, "p50_ms": 1.5, "p95_ms": 2.0, "p99_ms": None, "spans": 3}
LOG = {"time_ns": 0, "severity": 17, "severity_text": "", "service": "shop", "body": "it broke"}
ANSWERS: dict[str, Any] = {
    "/api/v1/services": {"services": [{"service": "shop", "measured": "entry spans", **RED}]},
    "/api/v1/services/a%2Fb/operations": {"operations": [{"operation": "GET /", "kind": "server", **RED}]},
    "/api/v1/traces": {"traces": [], "next_cursor": None},
    "/api/v1/traces/1": {"trace_id": "01", "spans": SPANS},
    "/api/v1/logs": {"logs": [LOG], "next_cursor": "abc"},
    "/api/v1/metrics": {"metrics": [{"metric": "m", "type": "sum", "unit": "By", "series": 1, "description": ""}]},
    "/api/v1/sampling/simulate": SIMULATION,
    "/api/v1/sampling/keep": KEPT,
    "/api/v1/sampling/ledger": LEDGER,
    "/api/v1/sampling/budgets": BUDGETS,
    "/api/v1/sql": {"columns": [{"name": "n", "type": "UInt64"}], "rows": [[1 << 60]]},
}


class Server(BaseHTTPRequestHandler):
    seen: list[tuple[str, str | None]]
    body: bytes

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.seen.append((self.path, self.headers.get("authorization")))
        Server.body = self.rfile.read(int(self.headers.get("content-length") or 0))
        error = {"error": {"type": "not_found", "message": "nothing there"}}
        body = json.dumps(ANSWERS.get(path, error)).encode()
        self.send_response(200 if path in ANSWERS else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Server.seen = []
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["services"], "50.00%"),
        (["operations", "a/b"], "GET /"),
        (["traces", "--attr", "a=b", "--start", "-1h"], "nothing found"),
        (["trace", "1"], "1 error\n"),
        (["logs", "it broke"], "it broke"),
        (["metrics"], "sum"),
        (["sql", "SELECT 1", "--param", "n=1"], str(1 << 60)),
    ],
    ids=str,
)
def test_answers_are_shown(url: str, words: list[str], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", *words, "--url", url, "--token", "tro_x"]) == 0
    assert shown in capsys.readouterr().out
    assert Server.seen[0][1] == "Bearer tro_x"
    assert main(["query", *words, "--url", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ANSWERS[Server.seen[0][0].partition("?")[0]]


def test_headings_have_no_unit_that_the_values_carry(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "services", "--url", url]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["service", "requests", "rate", "error", "ratio", "p50", "p95", "p99", "spans"]
    assert row.split() == ["shop", "2", "0.5/s", "50.00%", "1.5", "ms", "2", "ms", "-", "3"]


def test_a_trace_without_an_id_is_asked_back(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "trace", "", "--url", url]) == 2
    assert "which trace" in capsys.readouterr().err


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            ["simulate", "POLICIES", "--price", "1"],
            ["saves 300.00", "✓ all 5 traces with errors", "✗ 1 of 4", "and 2 more", "daily"],
        ),
        (
            ["keep", "--service", "shop", "--attr", "a=b", "--since=-1h"],
            ["1 will be kept", "2 are kept if they come", "1 are gone"],
        ),
        (["ledger", "--by", "policy"], ["errors", "(none)", "exemplar", "25.0%", "12.5%", "rescued", "999.0 KiB"]),
        (["budgets"], ["daily", "met", "0.25", "errors", "over", "dry run", "daily: errors are thinned"]),
    ],
    ids=lambda value: value[0],
)
def test_sampling_is_shown(
    url: str,
    words: list[str],
    shown: list[str],
    columns: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "policies.yaml").write_text("policies: []")
    monkeypatch.setattr(console, "width", columns)
    given = [str(tmp_path / "policies.yaml") if word == "POLICIES" else word for word in words]
    assert main(["sampling", *given, "--url", url]) == 0
    printed = " ".join(capsys.readouterr().out.split())  # a narrow terminal breaks lines
    assert [text for text in shown if text not in printed] == []
    assert main(["sampling", *given, "--url", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ANSWERS[f"/api/v1/sampling/{words[0]}"]


def test_keep_sends_a_filter_or_ids(url: str) -> None:
    keep = ["sampling", "keep", "--url", url]
    assert main([*keep, "--status", "error", "--attr", "a=b=c", "--since=-5m", "--reason", "r"]) == 0
    sent = {"filter": {"status": "error", "attributes": {"a": "b=c"}}, "start": "-5m", "reason": "r"}
    assert json.loads(Server.body) == sent
    assert main([*keep, "0af7", "0af8"]) == 0
    assert json.loads(Server.body) == {"trace_ids": ["0af7", "0af8"], "reason": ""}
    assert main(keep) == 2
    assert main([*keep, "--attr", "a"]) == 2


def test_errors_of_the_server_are_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "trace", "none", "--url", url]) == 1
    assert capsys.readouterr().err == "traceo: nothing there\n"


def test_no_server_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "services", "--url", "http://127.0.0.1:1"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "traceo serve" in error


def test_tokens_are_created_listed_and_revoked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--data-dir", str(tmp_path), "--json"]
    assert main(["token", "create", "ci", "--scope", "ingest", "--expires", "90d", *where]) == 0
    created = json.loads(capsys.readouterr().out)
    assert created["secret"].startswith("tro_") and created["scopes"] == ["ingest"] and created["expires_at"]
    assert main(["token", "revoke", str(created["id"]), *where]) == 0
    capsys.readouterr()
    assert main(["token", "list", *where]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["revoked_at"] and "secret" not in listed
    assert main(["token", "list", "--data-dir", str(tmp_path)]) == 0
    assert main(["token", "revoke", "99", *where]) == 1
    assert main(["token", "create", "x", "--expires", "soon", *where]) == 2


def test_config_shows_what_is_in_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--json", "--data-dir", str(tmp_path), "--http-port", "4444"]) == 0
    assert json.loads(capsys.readouterr().out)["server"]["http_port"] == 4444
    assert main(["config"]) == 0
    assert "http_port: 4000" in capsys.readouterr().out


def test_a_wrong_setting_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--http-port", "99999999"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("traceo: ") and error.count("\n") == 1


def test_a_wrong_word_is_exit_code_2() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["nonsense"])
    assert caught.value.code == 2


def test_help_is_fast() -> None:
    command = [
        sys.executable,
        "-c",
        "import traceo.cli, sys, time; traceo.cli.make_parser().format_help();print(time.process_time(), *sys.modules)",
    ]
    took_s, *modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert float(took_s) < 1.5  # of a processor: others may want it, too
    assert not {"chdb", "pyarrow", "rich", "httpx", "sqlalchemy", "fastapi", "yaml"} & set(modules)


def test_spans_stand_under_their_parents() -> None:
    assert [(span["span_id"], depth) for span, depth in in_tree_order(SPANS)] == [("a", 0), ("b", 1), ("c", 0)]
    circle = [{**SPAN, "span_id": "a", "parent_span_id": "b"}, {**SPAN, "span_id": "b", "parent_span_id": "a"}]
    assert len(in_tree_order(circle)) == 2


@pytest.mark.parametrize(
    ("nanoseconds", "text"), [(5, "5 ns"), (1500, "1.5 µs"), (2e6, "2 ms"), (3.25e9, "3.25 s"), (9e10, "1.5 min")]
)
def test_durations_have_units(nanoseconds: float, text: str) -> None:
    assert show_duration(nanoseconds) == text
