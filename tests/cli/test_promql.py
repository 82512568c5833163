"""`traceo query promql` and `traceo cardinality`: tables, charts, units, errors."""

import io
import json
import math
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest
from rich.console import Console

from traceo.cli import main
from traceo.commands.chart import Line, draw_chart, show_ticks, show_value, value_ticks
from traceo.commands.promql import unit_of

METRIC = {"__name__": "up", "job": "api"}
VECTOR = [{"metric": {**METRIC, "pod": pod}, "value": [0, value]} for pod, value in (("a", "2"), ("b", "1"))]
MATRIX = [
    {"metric": {**METRIC, "pod": pod}, "values": [[60 * n, str(n * size)] for n in range(60)]}
    for pod, size in (("small", 1), ("large", 1000))
]
STREAMS = [
    {"stream": {"service_name": "shop", "detected_level": "error"}, "values": [["2000000000", "newer"], ["1", "older"]]}
]
HISTOGRAM = {"count": "3", "sum": "1.5", "buckets": [[0, "1", "2", "3"]]}
ANSWERS: dict[str, Any] = {
    "up": ("vector", VECTOR),
    "nothing": ("vector", []),
    "1": ("scalar", [0, "1048576"]),
    '"x"': ("string", [0, "x"]),
    "up[5m]": ("matrix", MATRIX[:1]),
    "h": ("vector", [{"metric": {}, "histogram": [0, HISTOGRAM]}]),
}
SERIES = {"today": 9, "yesterday": 8, "new": 2, "gone": 1, "new_per_hour": 0.5, "metrics": 1, "limit": 10}
CARDINALITY = {
    "series": SERIES,
    "days": [{"day": "2026-01-01", "series": 9}],
    "metrics": [{"metric": "up", "series": 9, "new": 2, "gone": 1, "queries": 4, "last_queried_at": None}],
    "labels": [{"label": "pod", "values": 9, "series": 9, "bytes": 9, "top": [{"value": "a", "series": 1}]}],
    "unqueried": {"since": "2026-01-01", "metrics": 1, "series": 9, "list": [{"metric": "down", "series": 9}]},
}


PATTERN = {"pattern": "1", "service": "shop", "level": "error", "template": "failed <_>", "lines": 1234}
PATTERNS = {
    "/logs/patterns": {
        "patterns": [
            {**PATTERN, "points": [[0, 1200], [23 * 60 * 10**9, 34]]},
            {**PATTERN, "pattern": "2", "template": "paid <_>", "lines": 2, "points": [[60 * 10**9, 2]]},
        ]
    },
    "/logs/patterns/compare": {
        "new": [PATTERN],
        "changed": [],
        "vanished": [{**PATTERN, "template": "hello <_>", "before": 2.5, "after": 0.0}],
    },
}


class Server(BaseHTTPRequestHandler):
    asked: ClassVar[dict[str, str]] = {}

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        Server.asked = {"path": self.path, **{name: values[0] for name, values in form.items()}}
        query = Server.asked["query"]
        if query == "(":
            self._send(400, {"status": "error", "errorType": "bad_data", "error": "1:2: parse error: no"})
            return
        if query.startswith("{"):
            self._send(200, {"status": "success", "data": {"resultType": "streams", "result": STREAMS}})
            return
        kind, result = ("matrix", MATRIX) if self.path.endswith("query_range") else ANSWERS[query]
        data = {"resultType": kind, "result": [] if query == "nothing" else result}
        self._send(200, {"status": "success", "data": data, "warnings": ["take care"]})

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/api/v1")
        self._send(200, PATTERNS.get(path, CARDINALITY))

    def _send(self, status: int, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("up", ['up{job="api"}', "pod  value", "a        2  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇", "b        1  ▇▇▇▇▇▇▇▇▇▇▇▇"]),
        ("nothing", ["nothing found"]),
        ("1", ["1.049M"]),
        ('"x"', ["x"]),
        ("h", ["series                        value", "{}      count 3, sum 1.5, 1 buckets"]),
    ],
)
def test_values_at_one_moment(url: str, query: str, lines: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "promql", query, "--url", url, "--time", "1000"]) == 0
    out = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert out == ["warning: take care", *lines]
    assert Server.asked == {"path": "/prometheus/api/v1/query", "query": query, "time": "1000.0"}


def test_raw_samples_of_a_range_vector(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "promql", "up[5m]", "--url", url]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 62


def test_chart_has_a_legend_and_asks_for_a_step_that_fits(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["query", "promql", "up", "--url", url, "--start", "0", "--end", "3600"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "large" in out and "59k" in out and "┤" in out and "⠁" <= max(out) <= "⣿"
    assert Server.asked["step"] == "10" and Server.asked["path"].endswith("/query_range")
    assert main([*words, "--step", "1m", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["result"] == MATRIX
    assert Server.asked["step"] == "60"
    assert main(["query", "promql", "nothing", "--url", url, "--start", "-1h"]) == 0
    assert "nothing found" in capsys.readouterr().out


def test_wrong_expression_is_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "promql", "(", "--url", url]) == 2
    assert capsys.readouterr().err == "traceo: 1:2: parse error: no\n"
    assert main(["query", "promql", "up", "--url", url, "--time", "1", "--start", "-1h"]) == 2


def test_cardinality_is_shown(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cardinality", "--url", url]) == 0
    out = capsys.readouterr().out
    for text in ("9 series today", "10 are allowed", "2 are new", "pod", "never", "Queried by nobody since 2026-01-01"):
        assert text in out
    assert main(["cardinality", "--url", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == CARDINALITY


@pytest.mark.parametrize(
    ("expr", "unit"),
    [
        ("process_resident_memory_bytes", "B"),
        ("rate(node_network_receive_bytes_total[5m])", "B/s"),
        ("rate(process_cpu_seconds_total[5m])", ""),
        ("histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))", "s"),
        ("a_bytes / b_bytes", ""),
        ('up{path="/x_bytes"}', ""),
        ("sum(rate(requests_total[5m]))", "/s"),
        ("cpu_usage_ratio", "%"),
        ("count(process_resident_memory_bytes)", ""),
    ],
)
def test_unit_follows_from_the_names(expr: str, unit: str) -> None:
    assert unit_of(expr) == unit


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "", "0"),
        (1234.5, "", "1.234k"),
        (0.000012, "", "1.200e-05"),
        (1536, "B", "1.5 KiB"),
        (2.5e6, "B/s", "2.384 MiB/s"),
        (0.25, "%", "25 %"),
        (25, "percent", "25 %"),
        (0.0021, "s", "2.1 ms"),
        (7200, "s", "2 h"),
        (-3, "", "-3"),
        (math.nan, "s", "NaN"),
        (math.inf, "", "+Inf"),
    ],
)
def test_values_have_their_units(value: float, unit: str, text: str) -> None:
    assert show_value(value, unit) == text


@pytest.mark.parametrize(
    ("low", "high", "unit", "labels"),
    [
        (0, 10, "", ["0", "2.5", "5", "7.5", "10"]),
        (3, 3, "", None),
        (4.4999999999, 4.5, "s", ["4.00 s", "4.25 s", "4.50 s", "4.75 s", "5.00 s"]),
        (0, 0, "", None),
        (-1, 1, "", ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
        (0, 4 * 2**20, "B", ["0 MiB", "1 MiB", "2 MiB", "3 MiB", "4 MiB"]),
        (1e-9, 2e-9, "s", None),
        (1e300, 2e300, "", None),
    ],
)
def test_axis_has_round_values_around_all_others(low: float, high: float, unit: str, labels: list[str] | None) -> None:
    ticks = value_ticks(low, high, unit)
    assert ticks[0] <= low <= high <= ticks[-1] and 2 <= len(ticks) <= 8
    shown = show_ticks(ticks, unit)
    assert len(set(shown)) == len(shown)
    if labels:
        assert [text.removesuffix(".0") for text in shown] == [text.removesuffix(".0") for text in labels]


@pytest.mark.parametrize("width", [20, 80, 300])
def test_chart_fits_any_width_and_breaks_where_points_are_missing(width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    line = Line([0, 15, 30, 600, 615], [1.0, math.nan, 2.0, 1.0, math.inf])
    draw_chart(console, [line] * 12, 0, 615, "s", 15)
    file = console.file
    assert isinstance(file, io.StringIO)
    lines = file.getvalue().splitlines()
    assert len(lines) == 18
    drawn = sum(0x2800 < ord(char) <= 0x28FF for line in lines for char in line)
    assert 0 < drawn <= 4
    draw_chart(console, [Line([0], [math.nan])], 0, 1, "", 1)
    assert "no numbers" in file.getvalue()


def test_logql_shows_lines_oldest_first_and_metrics_as_promql(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "logql", '{app="x"}', "--url", url, "--limit", "7"]) == 0
    assert [line.split()[-3:] for line in capsys.readouterr().out.splitlines()] == [
        ["shop", "error", "older"],
        ["shop", "error", "newer"],
    ]
    assert (Server.asked["path"], Server.asked["limit"]) == ("/loki/api/v1/query_range", "7")
    assert main(["query", "logql", "up", "--url", url]) == 0
    assert Server.asked["path"] == "/loki/api/v1/query"
    assert "a        2" in capsys.readouterr().out


def test_patterns_show_counts_over_time_and_mark_new_and_vanished(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "patterns", "--url", url, "--start", "1970-01-01T00:00:00Z", "--end", "1440"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"+     1,234  █{'▁' * 23}  error  shop  failed <_>",
        f"          2  ▁█{'▁' * 22}  error  shop  paid <_>",
        "-   2.5/min before  shop  hello <_>",
    ]
    assert main(["query", "patterns", "--url", url, "--json"]) == 0
    assert [row["template"] for row in json.loads(capsys.readouterr().out)["vanished"]] == ["hello <_>"]
