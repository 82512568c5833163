"""Relabelling: each action as Prometheus' documentation describes it, and what it refuses."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from traceo.errors import ConfigError
from traceo.scraping.relabel import Rule, read_rules, relabel

Labels = dict[str, str]


def rules_of(text: str, utf8: bool = True) -> tuple[Rule, ...]:
    root: Any = yaml.compose(text)
    return read_rules(Path(), utf8)(root, "relabel_configs")


GIVEN = {"__name__": "requests", "job": "api", "env": "prod", "a": "foo", "b": "bar", "c": "baz"}

# rule, what becomes of the labels (None: dropped)
TABLE: list[tuple[str, str, Labels | None]] = [
    ("replace with a group", "{source_labels: [a], regex: 'f(.*)', target_label: d, replacement: 'ch${1}-ch$1'}",
     {"d": "choo-choo"}),
    ("replace joins its sources", "{source_labels: [a, b, missing], target_label: d}", {"d": "foo;bar;"}),
    ("replace with another separator", "{source_labels: [a, b], separator: '', target_label: d}", {"d": "foobar"}),
    ("replace that does not match", "{source_labels: [a], regex: 'oo', target_label: d, replacement: x}", {}),
    ("regex is anchored", "{source_labels: [a], regex: 'f', target_label: a, replacement: x}", {}),
    ("alternatives are anchored too", "{source_labels: [a], regex: 'f|oo', target_label: a, replacement: x}", {}),
    ("replace with nothing removes", "{source_labels: [a], regex: foo, target_label: b, replacement: ''}", {"b": ""}),
    ("replace without sources sets", "{target_label: d, replacement: fixed}", {"d": "fixed"}),
    ("target from a group", "{source_labels: [a], regex: '(f)oo', target_label: 'x_$1'}", {"x_f": "f"}),
    ("named group", "{source_labels: [a], regex: 'f(?P<rest>.*)', target_label: d, replacement: '$rest'}", {"d": "oo"}),
    ("a dollar", "{source_labels: [a], target_label: d, replacement: '$$1'}", {"d": "$1"}),
    ("a name reaches as far as it can", "{source_labels: [a], target_label: d, replacement: '$1x-'}", {"d": "-"}),
    ("a group that is none", "{source_labels: [a], target_label: d, replacement: '$7-'}", {"d": "-"}),
    ("keep what matches", "{source_labels: [job], regex: 'a.*', action: keep}", {}),
    ("keep drops the rest", "{source_labels: [job], regex: 'b.*', action: keep}", None),
    ("drop what matches", "{source_labels: [job, env], regex: 'api;prod', action: drop}", None),
    ("drop keeps the rest", "{source_labels: [missing], regex: '.+', action: drop}", {}),
    ("an action in capitals", "{source_labels: [job], regex: 'api', action: DROP}", None),
    ("hashmod", "{source_labels: [c], target_label: d, modulus: 1000, action: hashmod}", {"d": "976"}),
    ("labelmap", "{regex: '(b|c)', replacement: 'new_$1', action: labelmap}", {"new_b": "bar", "new_c": "baz"}),
    ("labeldrop", "{regex: 'a|b', action: labeldrop}", {"a": "", "b": ""}),
    ("labelkeep", "{regex: '__name__|a', action: labelkeep}", {"job": "", "env": "", "b": "", "c": ""}),
    ("lowercase", "{source_labels: [a], target_label: d, action: lowercase}", {"d": "foo"}),
    ("uppercase", "{source_labels: [a, b], target_label: d, action: uppercase}", {"d": "FOO;BAR"}),
    ("keepequal", "{source_labels: [a], target_label: b, action: keepequal}", None),
    ("keepequal of equals", "{source_labels: [a], target_label: a, action: keepequal}", {}),
    ("dropequal", "{source_labels: [a], target_label: a, action: dropequal}", None),
    ("dropequal of unequals", "{source_labels: [a], target_label: b, action: dropequal}", {}),
    ("any UTF-8 name", "{target_label: 'http.status', replacement: x}", {"http.status": "x"}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "changed"), [pytest.param(*row[1:], id=row[0]) for row in TABLE])
def test_rule_does_what_prometheus_documents(rule: str, changed: Labels | None) -> None:
    wanted = None if changed is None else {k: v for k, v in (GIVEN | changed).items() if v}
    before = dict(GIVEN)
    assert relabel(GIVEN, rules_of(f"[{rule}]")) == wanted
    assert before == GIVEN


def test_rules_apply_in_order_until_one_drops() -> None:
    rules = rules_of("""
      - {source_labels: [a], target_label: d, replacement: "$1.1"}
      - {source_labels: [d], regex: 'foo\\.1', action: drop}
      - {target_label: never, replacement: x}
    """)
    assert relabel({"a": "foo"}, rules) is None
    assert relabel({"a": "other"}, rules) == {"a": "other", "d": "other.1", "never": "x"}


def test_dot_matches_a_newline_and_unicode_stays_whole() -> None:
    rules = rules_of("[{source_labels: [a], regex: '(.).(.*)', target_label: b, replacement: '$1$2'}]")
    assert relabel({"a": "ü\n日本"}, rules) == {"a": "ü\n日本", "b": "ü日本"}


def test_legacy_names_are_refused_under_the_legacy_scheme() -> None:
    rules = rules_of("[{source_labels: [a], target_label: '${1}', replacement: x}]", utf8=False)
    assert relabel({"a": "not a name"}, rules) == {"a": "not a name"}
    assert relabel({"a": "name"}, rules) == {"a": "name", "name": "x"}
    with pytest.raises(ConfigError, match=r"'http.status' is not a label's name"):
        rules_of("[{target_label: http.status}]", utf8=False)


REFUSED = [
    ("{action: jump}", "expected one of replace, keep"),
    ("{source_labels: [a]}", "'replace' requires target_label"),
    ("{action: hashmod, target_label: d}", "requires a modulus above 0"),
    ("{action: hashmod, modulus: 8}", "'hashmod' requires target_label"),
    ("{action: keep, regex: '(a'}", r"regex '\(a' is not one of RE2: missing \)"),
    ("{action: keep, regex: '(?=a)'}", "is not one of RE2"),
    ("{action: labeldrop, regex: a, source_labels: [b]}", "'labeldrop' takes regex only"),
    ("{action: keepequal, target_label: a, regex: b}", "'keepequal' takes source_labels and target_label only"),
    (
        "{source_label: [a], target_label: b}",
        r"relabel_configs\[0\].source_label: unknown field, did you mean",
    ),
]


@pytest.mark.parametrize(("rule", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_wrong_rule_is_refused(rule: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        rules_of(f"[{rule}]")
