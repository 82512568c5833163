"""Sentences of TraceQL, and what is said of those that are none: grammar.yaml. SQL of some, for a reviewer to read."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.query.traceql.scripts import find
from traceo.errors import QueryError
from traceo.query.sql import Scope, TimeRange
from traceo.query.traceql.ast import Calculated, Query, Series
from traceo.query.traceql.candidates import compile_candidates
from traceo.query.traceql.compare import compile_compare
from traceo.query.traceql.counting import compile_counts, compile_exemplars, is_counted_by_engine
from traceo.query.traceql.parser import parse_series
from traceo.query.traceql.reading import compile_spans

GRAMMAR = yaml.safe_load(Path(__file__).with_name("grammar.yaml").read_text(encoding="utf-8"))
MINUTE = 60 * 10**9
REFUSED = {
    **GRAMMAR["parse_fails"],
    **GRAMMAR["validate_fails"],
    "{ .a" + " + 1" * 5000: [None, "parts"],
    "{ .a = 1" + " || .a = 1" * 300 + " }": [None, "joins"],
    "{} " + "&& {} " * 300: [None, "joins"],
    "{ 2" + " ^ 2" * 300 + " = 1 }": [None, "joins"],
    "count()" + " + 1" * 300 + " > 1": [None, "joins"],
    "({} | rate())" + " + ({} | rate())" * 300: [None, "joins"],
    "(" * 500: [61, "deeper"],
    "((((" * 100 + "{} | rate()": [61, "deeper"],
    "{ " + "(" * 100 + "1 = 1": [None, "deeper"],
    "{ " + "!" * 500 + ".a }": [None, "deeper"],
    "{ .a = " + "9" * 5000 + " }": [7, "characters"],
    "{ duration > " + "9" * 400 + "s }": [13, "characters"],
    "{ .a = '" + "x" * 200_000: [None, "longer"],
}
GOLDEN = {
    "conditions": '{ resource.service.name = "x" && span.http.status_code >= 500 && duration > 1s }',
    "unscoped": '{ .a = "b" || event:name = "exception" }',
    "structure": '{ name = "a" } >> { status = error } | count() > 2',
    "parent": "{ parent.n = 1 && resource.service.name != parent.resource.service.name }",
    "trace": '{ trace:rootService = "x" && trace:duration > 1s && name =~ "GET.*" }',
    "places": "{ nestedSetParent < 0 && nestedSetRight > 2 * .n } | select(nestedSetLeft, name)",
    "groups": "{ kind = server } | by(resource.service.name) | avg(span.n) > 3",
    "rate": "{ status = error } | rate() by (resource.service.name, span.n)",
    "quantile": "{ } | quantile_over_time(duration, .99) by (name)",
    "compare": "{ nestedSetParent < 0 } | compare({ status = error }, 5)",
    "arrays": '{ span.tags = "red" }',
    "exemplars": "{ span.n > 1 } | max_over_time(span.n) with(exemplars=10)",
}


def compile_all(query: Series) -> str:
    """The statements of a query."""
    scope = Scope("team", TimeRange(0, 60 * MINUTE), recent=())
    if isinstance(query, Calculated):
        return compile_all(query.left) + compile_all(query.right)
    if query.metrics is not None and is_counted_by_engine(query):
        return _compile_series(scope, query)
    return f"{compile_candidates(scope, query, 20)}\n{compile_spans(scope, query, [b'id'])}\n"


def _compile_series(scope: Scope, query: Query) -> str:
    if query.metrics and query.metrics.op == "compare":
        return f"{compile_compare(scope, query, MINUTE, 10)}\n"
    exemplars = f"{compile_exemplars(scope, query, 10)}\n" if query.hints else ""
    return f"{compile_counts(scope, query, MINUTE)}\n{exemplars}"


@pytest.mark.parametrize("text", GRAMMAR["valid"])
def test_a_sentence_becomes_sql(text: str) -> None:
    assert compile_all(parse_series(text)).startswith("SELECT ")


@pytest.mark.parametrize(
    "text",
    [
        "{ span.a = 1" + " || span.a = 1" * 60 + " }",
        "{ childCount = 1" + " && childCount = 1" * 99 + " }",
        "{ 2" + " + .a" * 199 + " = 1 }",
        "{ }" + " >> { }" * 199,
        "{ " + "(" * 60 + ".a = 1" + ")" * 60 + " }",
    ],
    ids=lambda text: text[:30],
)
def test_the_longest_queries_are_answered(text: str) -> None:
    assert find("traceql-longest", text) == []


@pytest.mark.parametrize(("text", "wanted"), REFUSED.items(), ids=[text[:50] for text in REFUSED])
def test_refuses_with_a_position(text: str, wanted: list[object]) -> None:
    with pytest.raises(QueryError) as caught:
        parse_series(text)
    position, message = wanted
    assert str(message) in str(caught.value)
    assert position is None or caught.value.position == position


@pytest.mark.parametrize(("name", "text"), GOLDEN.items(), ids=GOLDEN)
def test_golden_sql(golden: Callable[[str, str], None], name: str, text: str) -> None:
    arrays = frozenset(["span"]) if name == "arrays" else frozenset[str]()
    golden(f"query/traceql/{name}.sql", compile_all(parse_series(text, arrays)))
