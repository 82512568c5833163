"""SQL of users: what it sees, and what it cannot reach."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.moment import NOW_S
from tests.query.engine import engine, insert
from tests.query.telemetry import VALUES, logs, metrics, span, traces
from traceo.config import Query as QuerySettings
from traceo.errors import LimitExceeded, ParseError, QueryError, UnsupportedQuery
from traceo.query.guard import guard, is_allowed_function
from traceo.query.run import Queries
from traceo.query.userquery import format_time, run_user_query
from traceo.store.base import Signal

NOW = NOW_S * 10**9
TENANT, OTHER = "sql", "sql-other"


@pytest.fixture(scope="module", autouse=True)
def data() -> None:
    spans = [
        span(1, 10, NOW, attributes=VALUES),
        span(1, 11, NOW + 1, parent=10, kind=3, status={"code": 2}, attributes={"user.id": "u1", "n": 5}),
    ]
    insert(TENANT, Signal.TRACES, traces("shop", spans, {"region": "eu"}))
    insert(TENANT, Signal.LOGS, logs("shop", [{"time_unix_nano": NOW, "body": "hello", "attributes": {"a": 1}}]))
    insert(TENANT, Signal.METRICS, metrics("shop", NOW))
    insert(OTHER, Signal.TRACES, traces("secret", [span(9, 90, NOW, attributes={"user.id": "u1"})]))
    insert(OTHER, Signal.LOGS, logs("secret", [{"time_unix_nano": NOW, "body": "secret"}]))
    copy = "INSERT INTO spans_recent SELECT * FROM spans WHERE tenant IN ('sql', 'sql-other')"
    asyncio.run(engine().execute(copy))


def ask(query: str, settings: QuerySettings | None = None, **params: Any) -> list[list[Any]]:
    async def work() -> dict[str, Any]:
        return await run_user_query(Queries(engine(), settings or QuerySettings()), TENANT, query, params)

    rows: list[list[Any]] = asyncio.run(work())["rows"]
    return rows


ANSWERS: list[tuple[str, list[list[Any]] | None]] = [
    ("SELECT count() FROM spans", [[2]]),
    ("SELECT kind, status FROM spans ORDER BY span_id", [["server", "unset"], ["client", "error"]]),
    ("SELECT trace_id, parent_span_id FROM spans ORDER BY span_id LIMIT 1", [["0" * 31 + "1", ""]]),
    ("SELECT attributes['n'] FROM spans WHERE attributes['user.id'] = 'u1'", [["5"]]),
    (
        "SELECT attributes['n'], count() AS n FROM spans WHERE attributes['n'] != '' GROUP BY attributes['n']",
        [["5", 1]],
    ),
    ("SELECT count(*) FROM spans", [[2]]),
    ('SELECT `service`, "name" FROM spans AS s LIMIT 1', [["shop", "GET /"]]),
    ("SELECT COLUMNS('^link_') FROM spans LIMIT 1", [[[], []]]),
    ("SELECT s.attributes['n'] FROM spans s WHERE s.attributes['user.id'] = 'u1'", [["5"]]),
    ("SELECT attributes['minus'], attributes['true'], attributes['half'] FROM spans LIMIT 1 BY trace_id", None),
    ("SELECT mapKeys(attributes) FROM spans WHERE kind = 'client'", [[["user.id", "n"]]]),
    ("SELECT attributes FROM spans WHERE kind = 'client'", [[{"user.id": "u1", "n": "5"}]]),
    ("SELECT DISTINCT resource_attributes['region'] FROM spans", [["eu"]]),
    ("SELECT body, attributes['a'], resource_attributes['service.name'] FROM logs", [["hello", "1", "shop"]]),
    ("SELECT count() FROM logs WHERE hasToken(body, 'secret')", [[0]]),
    ("SELECT metric, count() FROM series GROUP BY metric ORDER BY metric LIMIT 1", [["bytes.total", 1]]),
    ("SELECT max(integer_value) FROM samples", [[(1 << 53) + 1]]),
    ("SELECT counts FROM histograms", [[[1, 2]]]),
    ("SELECT service, sum(spans) FROM service_red GROUP BY service", [["shop", 2]]),
    ("SELECT count() FROM service_edges", [[0]]),
    ("SELECT attributes['region'] FROM resources WHERE attributes['region'] != ''", [["eu"]]),
    ("WITH slow AS (SELECT * FROM spans WHERE duration_ns > 0) SELECT count() FROM slow", [[2]]),
    ("WITH 2 AS n SELECT count() * n FROM spans", [[4]]),
    ("SELECT count() FROM spans a JOIN spans b ON a.parent_span_id = b.span_id", [[1]]),
    ("SELECT 1 FROM spans UNION ALL SELECT 2 FROM logs ORDER BY 1", None),
    ("SELECT count() FROM spans WHERE trace_id IN (SELECT trace_id FROM spans)", [[2]]),
    ("SELECT quantileIf(0.5)(duration_ns, kind = 'server') FROM spans", [[1000000.0]]),
    ("SELECT start_time FROM spans WHERE kind = 'server'", [[format_time(NOW)]]),
    ("SELECT event_times FROM spans WHERE kind = 'server'", [[[]]]),
    ("SELECT [toDateTime64('2020-01-01 00:00:00.000000001', 9, 'UTC')]", [[["2020-01-01T00:00:00.000000001Z"]]]),
    ("SELECT toDate('2020-01-02')", [["2020-01-02"]]),
    ("SELECT toDateTime('2020-01-02 03:04:05', 'UTC')", [["2020-01-02T03:04:05Z"]]),
    ("SELECT toNullable(toDateTime64('2020-01-02 03:04:05.5', 1, 'UTC'))", [["2020-01-02T03:04:05.5Z"]]),
    ("SELECT nan, inf, -inf, toInt64(-9223372036854775808)", [["nan", "inf", "-inf", -(1 << 63)]]),
    ("SELECT toStartOfMinute(start_time) AS m, count() FROM spans GROUP BY m", None),
    ("SELECT 'a''b\\\\c', $$x$$", [["a'b\\c", "x"]]),
]


@pytest.mark.parametrize(("query", "rows"), ANSWERS, ids=str)
def test_answers(query: str, rows: list[list[Any]] | None) -> None:
    found = ask(query)
    assert found
    assert rows is None or found == rows


def test_star_has_readable_attributes_and_the_resource() -> None:
    (row,) = ask("SELECT * FROM spans WHERE kind = 'client'")
    assert {"user.id": "u1", "n": "5"} in row
    assert {"service.name": "shop", "region": "eu"} in row


def test_parameters_are_values() -> None:
    text = "a'b\\n\n\t\\"
    assert ask("SELECT {x:String}, {n:Int64} + 1, {l:Array(Int64)}", x=text, n=1, l=[1, 2]) == [[text, 2, [1, 2]]]
    texts = [text, "'", "\\", "a','b", "", "<b>"]
    assert ask("SELECT {l:Array(String)}, {none:Array(String)}", l=texts, none=[]) == [[texts, []]]


ESCAPES = """
SELECT * FROM system.tables
SELECT * FROM system.one
SELECT * FROM "system"."one"
SELECT * FROM default.spans
SELECT * FROM `default`.`spans`
SELECT * FROM spans_recent
SELECT * FROM span_red
SELECT * FROM kept_traces
SELECT * FROM traceo_view_spans
SELECT * FROM url('http://localhost', CSV, 'a String')
SELECT * FROM file('/etc/passwd', LineAsString)
SELECT file('/etc/passwd')
SELECT `file`('/etc/passwd')
SELECT "file"('/etc/passwd')
SELECT FILE ('/etc/passwd')
SELECT file/**/('/etc/passwd')
SELECT * FROM remote('localhost', system.one)
SELECT * FROM merge('.*')
SELECT * FROM merge(currentDatabase(), '.*')
SELECT * FROM numbers(10)
SELECT * FROM cluster('x', system.one)
SELECT * FROM mysql('a', 'b', 'c', 'd', 'e')
SELECT * FROM executable('x', CSV, 'a String')
SELECT * FROM values('a Int', 1)
SELECT * FROM {t:Identifier}
SELECT {c:Identifier} FROM spans
SELECT * FROM spans INTO OUTFILE '/tmp/x'
SELECT * FROM spans FORMAT JSON
SELECT * FROM spans SETTINGS max_threads = 1
SELECT * FROM (SELECT * FROM spans SETTINGS max_threads = 1)
SELECT 1 UNION ALL SELECT 2 SETTINGS readonly = 0
SELECT 1; SELECT 2
SELECT 1; DROP TABLE spans
DROP TABLE spans
INSERT INTO spans SELECT * FROM spans
SET readonly = 0
SHOW TABLES
DESCRIBE spans
EXPLAIN SELECT 1
SYSTEM FLUSH LOGS
USE system
KILL QUERY WHERE 1
SELECT 1 IN system.one
SELECT 1 IN spans
SELECT 'x' IN spans_recent
SELECT 'x' IN (spans_recent)
SELECT 'x' IN ((spans_recent))
SELECT 'x' GLOBAL IN spans_recent
SELECT 'x' NOT IN spans_recent
SELECT in('x', spans_recent)
SELECT `in`('x', spans_recent)
SELECT notIn('x', spans_recent)
SELECT globalIn('x', spans_recent)
SELECT nullIn('x', spans_recent)
SELECT dictGet('d', 'a', 1)
SELECT joinGet('t', 'a', 1)
SELECT joinGet('series_seen', 'key', 1)
SELECT getSetting('max_threads')
SELECT getMacro('shard')
SELECT hostName()
SELECT currentUser()
SELECT sleep(3)
SELECT sleepEachRow(1) FROM spans
SELECT hasColumnInTable('default', 'spans', 'tenant')
SELECT catboostEvaluate('/x', 1)
SELECT filesystemAvailable()
SELECT * APPLY(file) FROM spans
SELECT arrayMap(x -> file(x), ['/etc/passwd'])
SELECT tenant FROM spans
SELECT spans.tenant FROM spans
WITH spans AS (SELECT 1) SELECT * FROM spans
WITH spans_recent AS (SELECT 1) SELECT * FROM spans_recent
WITH traceo_view_spans AS (SELECT 1) SELECT * FROM spans
WITH x AS (SELECT * FROM system.one) SELECT * FROM x
SELECT (SELECT count() FROM system.tables)
SELECT * FROM spans JOIN system.one ON 1
SELECT * FROM spans, system.one
SELECT * FROM spans WHERE EXISTS (SELECT 1 FROM system.one)
SELECT * FROM spans FINAL
SELECT * FROM spans SAMPLE 0.1
SELECT @@version
SELECT 1 FROM spans ORDER BY (SELECT max(name) FROM system.tables)
SELECT 1 FROM spans LIMIT (SELECT count() FROM system.tables)
SELECT viewExplain('EXPLAIN', '', (SELECT 1))
SELECT * FROM viewIfPermitted(SELECT 1 ELSE null('x Int'))
SELECT * FROM view(SELECT * FROM system.one)
SELECT * FROM dictionary('x')
SELECT * FROM loop(spans_recent)
SELECT * FROM python('x')
SELECT {tenant:String}
""".strip().splitlines()


@pytest.mark.parametrize("query", ESCAPES)
def test_refused(query: str) -> None:
    with pytest.raises(QueryError):
        ask(query)


def test_reserved_parameters_cannot_be_given() -> None:
    for name in ("tenant", "p1", "a b", ""):
        with pytest.raises(QueryError):
            ask("SELECT count() FROM spans", **{name: OTHER})


@pytest.mark.parametrize("literal", ["'", "\\", "\\'", "''", "*/", "--", "$$", "\\x27", ") OR 1=1 --", "\0", "\n"])
def test_literals_stay_literals(literal: str) -> None:
    escaped = literal.replace("\\", "\\\\").replace("'", "\\'")
    assert ask(f"SELECT '{escaped}' FROM logs") == [[literal]]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_any_literal_comes_back(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    assert ask(f"SELECT '{escaped}' FROM logs") == [[text]]


FRAGMENT_TEXT = """
SELECT * FROM spans system.tables spans_recent ( ) UNION ALL IN file('/etc/passwd') WITH AS x WHERE 'secret' JOIN ON , 1
tenant = logs /* */ -- ` "
"""
FRAGMENTS = FRAGMENT_TEXT.split()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=14))
def test_nothing_built_of_fragments_shows_another_tenant(parts: list[str]) -> None:
    query = "SELECT * FROM spans " + " ".join(parts)
    try:
        rows = ask(query)
    except (QueryError, LimitExceeded):
        return
    assert OTHER not in str(rows) and "/root" not in str(rows)


def test_limits_are_enforced() -> None:
    with pytest.raises(LimitExceeded):
        ask("SELECT * FROM spans", QuerySettings(max_result_rows=1))


def test_a_syntax_error_has_a_position() -> None:
    with pytest.raises(ParseError) as caught:
        guard(TENANT, "SELECT 1 +\nFROM (", {})
    assert caught.value.position is not None


def test_deep_nesting_is_refused() -> None:
    with pytest.raises((UnsupportedQuery, ParseError)):
        guard(TENANT, "SELECT " + "(" * 5000 + "1" + ")" * 5000, {})


@pytest.mark.parametrize("name", ["sumIf", "quantileTDigestIf", "arrayMap", "toStartOfHour", "argMax", "LOWER"])
def test_functions_that_compute_are_allowed(name: str) -> None:
    assert is_allowed_function(name)


def test_an_equal_text_is_answered_for_each_tenant_and_value_apart() -> None:
    text = "SELECT service FROM spans WHERE attributes['user.id'] = {user:String}"
    asked = [(TENANT, "u1"), (OTHER, "u1"), (TENANT, "nobody")]

    async def work() -> list[list[list[Any]]]:
        queries = Queries(engine(), QuerySettings())
        answers = [await run_user_query(queries, tenant, text, {"user": user}) for tenant, user in asked]
        return [answer["rows"] for answer in answers]

    assert asyncio.run(work()) == [[["shop"]], [["secret"]], []]


def test_a_columns_type_follows_the_value_that_names_it() -> None:
    async def work() -> list[str]:
        queries = Queries(engine(), QuerySettings())
        text = "SELECT CAST(1, {type:String}) AS x"
        answers = [await run_user_query(queries, TENANT, text, {"type": name}) for name in ("UInt8", "String")]
        return [answer["columns"][0]["type"] for answer in answers]

    assert asyncio.run(work()) == ["UInt8", "String"]


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("count", "SELECT count() FROM spans WHERE name = 'x'"),
        ("attribute", "SELECT attributes['user.id'] FROM spans"),
        ("resource", "SELECT resource_attributes['region'] FROM logs"),
    ],
)
def test_golden_sql(golden: Callable[[str, str], None], name: str, query: str) -> None:
    golden(f"query/sql_{name}.sql", guard(TENANT, query, {}).sql + "\n")
