"""Sentences of PromQL, what they are written as, and what Prometheus says of those that are none."""

import pytest

from traceo.errors import ParseError
from traceo.query.promql.parser import parse_promql
from traceo.query.promql.printer import format_promql, write_promql

WRITTEN = {
    'x:y:z{a!="1"}[1h:]': 'x:y:z{a!="1"}[1h:]',
    "foo[5m] offset 1m @ start()": "foo[5m] @ start() offset 1m",
    "foo offset -5m": "foo offset -5m",
    "foo @ 1.5": "foo @ 1.500",
    "sum(foo) by (a)": "sum by (a) (foo)",
    "SUM without (a,) (foo)": "sum without (a) (foo)",
    "a or b and c": "a or b and c",
    "-1^2": "-1 ^ 2",
    "- 1": "-1",
    "1.5e3 + 0x1F + 1_000 + 5m": "1500 + 31 + 1000 + 5m",
    "a + on(x) group_left(y) fill_right(0) b": "a + on (x) group_left (y) fill_right (0) b",
    "a > bool fill(-1) b": "a > bool fill (-1) b",
    "foo[5m*2+step()]": "foo[5m * 2 + step()]",
    '{"http.total", "a.b"=~"x|y"}': '{__name__="http.total","a.b"=~"x|y"}',
    "foo{a='b',}": 'foo{a="b"}',
    "rate(foo[5m] anchored)": "rate(foo[5m] anchored)",
    "foo # comment": "foo",
    "max_of(1, Inf) </ 2": "max_of(1, +Inf) </ 2",
}
REFUSED = {
    "": "1:1: parse error: no expression found in input",
    "1 +": "1:4: parse error: unexpected end of input",
    "foo)": "1:4: parse error: unexpected right parenthesis ')'",
    "sum(foo": "1:8: parse error: unclosed left parenthesis",
    "sum(foo,)": "1:8: parse error: trailing commas not allowed in function call args",
    'foo{a="b"': "1:10: parse error: unexpected end of input inside braces",
    "foo{a=1}": "1:7: parse error: unexpected character inside braces: '1'",
    "foo[5x]": '1:5: parse error: bad number or duration syntax: "5x"',
    "foo\n  bar": '2:3: parse error: unexpected identifier "bar"',
    "1 == 1": "1:3: parse error: comparisons between scalars must use BOOL modifier",
    "foo and 1": '1:1: parse error: set operator "and" not allowed in binary scalar expression',
    "rate(foo)": '1:6: parse error: expected type range vector in call to function "rate", got instant vector',
    "nofn(foo)": '1:1: parse error: unknown function with name "nofn"',
    "clamp(foo)": '1:1: parse error: expected 3 argument(s) in call to "clamp", got 1',
    '{a=""}': "1:1: parse error: vector selector must contain at least one non-empty matcher",
    'foo{a=~"("}': "1:5: parse error: error parsing regexp: missing closing ): `^(?s:()$`",
    "foo offset 5m offset 1m": "1:1: parse error: offset may not be set multiple times",
    "rate(foo[0s])": "1:10: parse error: duration must be greater than 0",
    "(1)[5m]": "1:4: parse error: ranges only allowed for vector selectors",
    "1[5m:1m]": "1:1: parse error: subquery is only allowed on instant vector, got scalar instead",
    'foo{"bar"}': '1:5: parse error: metric name must not be set twice: "foo" or "bar"',
    '"\\z"': "1:1: parse error: unknown escape sequence U+007A 'z'",
    "é": "1:1: parse error: unexpected character: 'é'",
    "(" * 100_000: "1:1: parse error: the expression is nested too deeply",
    "sum(" * 100_000: "1:1: parse error: the expression is nested too deeply",
    "1+" * 100_000: "1:1: parse error: the expression is nested too deeply",
    "{" + 'a="b",' * 100_000: "1:30001: parse error: the expression has more than 20000 parts",
}


@pytest.mark.parametrize(("text", "written"), WRITTEN.items(), ids=WRITTEN)
def test_writes_a_tree_as_prometheus_does(text: str, written: str) -> None:
    tree = parse_promql(text)
    assert write_promql(tree) == written
    assert parse_promql(written) == tree


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=[text[:30] for text in REFUSED])
def test_refuses_with_the_text_and_position_of_prometheus(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_promql(text)
    assert str(caught.value) == message


def test_a_long_expression_is_laid_out_over_several_lines() -> None:
    inner = 'rate(http_requests_total{namespace="shop",code=~"5.."}[5m])'
    text = f"sum by (job) ({inner}) / on (job) group_left () sum by (job, instance) ({inner})"
    assert format_promql(parse_promql(text)) == "\n".join(
        [
            f"  sum by (job) ({inner})",
            "/ on (job) group_left ()",
            f"  sum by (job, instance) ({inner})",
        ]
    )
