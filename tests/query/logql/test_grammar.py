"""Sentences of LogQL, and what is said of those that are none: grammar.yaml."""

from pathlib import Path

import pytest
import yaml

from traceo.errors import QueryError
from traceo.query.logql.parser import parse_logql
from traceo.query.logql.printer import print_query

GRAMMAR = yaml.safe_load(Path(__file__).with_name("grammar.yaml").read_text(encoding="utf-8"))
REFUSED = {
    **{
        text: wanted
        for part in ("parse_fails", "validate_fails", "unsupported")
        for text, wanted in GRAMMAR[part].items()
    },
    "(" * 100_000: [20_000, "parts"],
    "(" * 5000 + "1": [None, "deeper"],
    "1+" * 5000 + "1": [None, "joins"],
    '{app="a"} | ' + "a=1 " * 5000: [None, "joins"],
    '{app="a"}' + " | json" * 500: [None, "stages"],
    '{app="a"}' + ' |= "x"' * 10_000: [None, ""],
    "1+" * 50_000 + "1": [None, ""],
    '{app="a"} | ' + "(" * 5000 + "a=1": [None, ""],
    "{" + 'a="b",' * 100_000: [None, ""],
}


@pytest.mark.parametrize(("text", "written"), GRAMMAR["valid"].items(), ids=GRAMMAR["valid"])
def test_writes_a_tree_as_it_was_read(text: str, written: str | None) -> None:
    tree = parse_logql(text)
    assert print_query(tree) == (written or text)
    assert parse_logql(print_query(tree)) == tree


@pytest.mark.parametrize(("text", "wanted"), REFUSED.items(), ids=[text[:60] for text in REFUSED])
def test_refuses_with_a_position(text: str, wanted: list[object]) -> None:
    with pytest.raises(QueryError) as caught:
        parse_logql(text)
    position, message = wanted
    assert str(message) in str(caught.value)
    assert position is None or caught.value.position == position
