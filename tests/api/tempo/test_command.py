"""`traceo query traceql` against the API: traces with their spans, charts, tables, errors."""

import json

import pytest

from tests.query.traceql.stored import NOW, TENANT
from traceo.cli import main


def ask(url: str, *words: str) -> int:
    start, end = str(NOW // 10**9 - 60), str(NOW // 10**9 + 60)
    return main(["query", "traceql", *words, "--url", url, "--tenant", TENANT, "--start", start, "--end", end])


def test_traces_are_shown_with_bars_where_their_spans_lie(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(url, "{ .http.status_code > 0 } | by(span.http.status_code)", "--spans", "1") == 0
    head, ok_by, ok, bad_by, bad = (line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert head.startswith("1  ") and head.endswith("shop: GET /  1 s  4 spans  1 error")
    assert (ok_by, bad_by) == ("  by(http.status_code)=200", "  by(http.status_code)=500")
    assert ok.split() == ["add", "██████", "200", "ms", "http.status_code=200"]
    assert bad.split() == ["pay", "████████████████", "500", "ms", "http.status_code=500"]
    assert ask(url, '{ name =~ "GET.*|add" }', "--limit", "1", "--spans", "1", "--json") == 0
    (trace,) = json.loads(capsys.readouterr().out)["traces"]
    assert len(trace["spanSet"]["spans"]) == 1


def test_spans_that_are_left_out_are_counted(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(url, '{ } >> { name =~ "add|pay|SELECT" } | count() > 2', "--spans", "2") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "  and 1 more: --spans"
    assert ask(url, '{ name = "nobody" }') == 0
    assert capsys.readouterr().out == "nothing found\n"


def test_series_are_a_chart_or_a_table(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    query = "{ duration > 40ms } | max_over_time(duration) by (resource.service.name)"
    assert ask(url, query, "--step", "20s") == 0
    out = capsys.readouterr().out
    assert "┤" in out and "resource.service.name" in out and "500 ms" in out
    assert ask(url, query, "--table") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["resource.service.name", "value"]
    assert [row[:3] for row in rows[1:]] == [["cart", "500", "ms"], ["db", "300", "ms"], ["shop", "1", "s"]]
    assert ask(url, "({ status = error } | rate()) / ({ } | rate())", "--table") == 0
    assert "0.1" in capsys.readouterr().out
    assert ask(url, "{ } | rate()", "--table", "--unit", "none") == 0
    assert "0.08333" in capsys.readouterr().out


def test_a_wrong_query_is_one_line_with_its_place(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(url, "{ .a = }") == 2
    out, error = capsys.readouterr()
    assert out == "" and error.startswith(
        "traceo: invalid TraceQL query: parse error at line 1, col 8: expected a field"
    )
