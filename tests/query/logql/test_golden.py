"""The SQL of queries, for a reviewer to read; `make golden` rewrites it."""

from collections.abc import Callable

import pytest

from traceo.query.log_streams import Sources, Stream
from traceo.query.logql.ast import MetricQuery, Pipeline
from traceo.query.logql.evaluate import compile_lines, compile_times
from traceo.query.logql.parser import parse_logql
from traceo.query.logql.ranges import Steps, compile_range, lower
from traceo.query.sql import Scope, TimeRange

SOURCES = Sources([Stream(7, {"app": "a", "service_name": "a"}), Stream(8, {"app": "b", "service_name": "b"})])
MINUTE = 60 * 10**9
LINES = {
    "filter": '{app=~"a|b"} |= "the word here" != "no"',
    "json": '{app=~"a|b"} | json | status >= 500 | line_format "{{.status}}"',
}
METRICS = {
    "rate": 'sum by (app) (rate({app=~"a|b"} |= "x" [5m]))',
    "unwrap": 'max_over_time({app=~"a|b"} | logfmt | unwrap duration(took) [1m]) by (app)',
}


@pytest.mark.parametrize(("name", "text"), LINES.items(), ids=LINES)
def test_golden_sql_of_lines(golden: Callable[[str, str], None], name: str, text: str) -> None:
    query = parse_logql(text)
    assert isinstance(query, Pipeline)
    made = [
        compile(Scope("team", TimeRange(0, MINUTE), recent=()), query, SOURCES, 100, False)
        for compile in (compile_times, compile_lines)
    ]
    golden(f"query/logql/{name}.sql", "\n".join(made) + "\n")


@pytest.mark.parametrize(("name", "text"), METRICS.items(), ids=METRICS)
def test_golden_sql_of_metrics(golden: Callable[[str, str], None], name: str, text: str) -> None:
    query = parse_logql(text)
    assert isinstance(query, MetricQuery)
    (one,) = lower(query)[1].values()
    scope = Scope("team", TimeRange(0, MINUTE), recent=())
    made = compile_range(scope, one, Steps(0, 10 * MINUTE, MINUTE), SOURCES)
    golden(f"query/logql/{name}.sql", f"{made.sql}\n")
