"""Relabelling as Prometheus defines it: rules that rewrite, keep or drop a set of labels.

Regular expressions are RE2's, anchored at both ends, and their dot matches a newline. Labels are plain dicts; a label
with an empty value is one that is missing.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import re2
import yaml

from traceo.yamltree import Fields, Read, read_choice, read_count, read_list, read_text

ACTIONS = (
    "replace",
    "keep",
    "drop",
    "hashmod",
    "labelmap",
    "labeldrop",
    "labelkeep",
    "lowercase",
    "uppercase",
    "keepequal",
    "dropequal",
)
NEEDS_TARGET = ("replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal")
LEGACY_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
LEGACY_TARGET = re.compile(r"(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+", re.ASCII)
VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))")

Labels = dict[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `relabel_configs`. `pattern`: `regex`, compiled; `utf8`: names may be any UTF-8 text."""

    action: str = "replace"
    source_labels: tuple[str, ...] = ()
    separator: str = ";"
    regex: str = "(.*)"
    modulus: int = 0
    target_label: str = ""
    replacement: str = "$1"
    utf8: bool = True
    pattern: Any = field(default=None, compare=False)


def read_rules(base: Path, utf8: bool) -> Read[tuple[Rule, ...]]:
    """A reader of `relabel_configs`."""
    return read_list(lambda node, path: _read_rule(Fields(node, path, base), utf8))


def _read_rule(fields: Fields, utf8: bool) -> Rule:
    action = fields.take("action", _read_action, "replace")
    rule = Rule(
        action,
        fields.texts("source_labels"),
        fields.text("separator", ";"),
        fields.text("regex", "(.*)"),
        fields.take("modulus", read_count, 0),
        fields.text("target_label"),
        fields.text("replacement", "$1"),
        utf8,
    )
    fields.finish()
    _check(fields, rule)
    try:
        pattern = compile_anchored(rule.regex)
    except re2.error as error:
        fields.fail(f"regex {rule.regex!r} is not one of RE2: {_text(error)}")
    return Rule(**{name: getattr(rule, name) for name in Rule.__slots__ if name != "pattern"}, pattern=pattern)


def _read_action(node: yaml.Node, path: str) -> str:
    lower = yaml.ScalarNode(node.tag, read_text(node, path).lower(), node.start_mark, node.end_mark)
    return read_choice(*ACTIONS)(lower, path)


def _check(fields: Fields, rule: Rule) -> None:
    """What Prometheus refuses when it loads a rule."""
    if rule.action in NEEDS_TARGET and not rule.target_label:
        fields.fail(f"relabel action {rule.action!r} requires target_label")
    if rule.action == "hashmod" and not rule.modulus:
        fields.fail("relabel action 'hashmod' requires a modulus above 0")
    if rule.action in NEEDS_TARGET and not _may_be_name(rule):
        fields.fail(f"{rule.target_label!r} is not a label's name, as target_label")
    if rule.action in ("keepequal", "dropequal"):
        _allow(fields, rule, "source_labels", "target_label")
    if rule.action in ("labeldrop", "labelkeep"):
        _allow(fields, rule, "regex")


def _may_be_name(rule: Rule) -> bool:
    return rule.utf8 or bool(LEGACY_TARGET.fullmatch(rule.target_label))


def _allow(fields: Fields, rule: Rule, *names: str) -> None:
    for name in ("source_labels", "separator", "regex", "modulus", "target_label", "replacement"):
        if name not in names:
            fields.refuse(name, f"the relabel action {rule.action!r} takes {' and '.join(names)} only")


def compile_anchored(regex: str) -> Any:
    """A pattern of RE2 that has to match the whole text. Raises re2.error."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(f"^(?s:{regex})$", options)


def _text(error: Exception) -> str:
    found = error.args[0] if error.args else error
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)


def relabel(labels: Labels, rules: Iterable[Rule]) -> Labels | None:
    """New labels after all rules in order; None: dropped.

    Rules see labels in the order of their names: where `labelmap` makes one of two, the last wins, as in Prometheus.
    """
    current: Labels | None = {name: value for name, value in sorted(labels.items()) if value}
    for rule in rules:
        if current is not None:
            current = _apply(rule, current)
    return current


def _apply(rule: Rule, labels: Labels) -> Labels | None:
    """`labels` is the caller's own and may be changed."""
    if rule.action in ("labelmap", "labeldrop", "labelkeep"):
        return _apply_to_names(rule, labels)
    value = rule.separator.join([labels.get(name, "") for name in rule.source_labels])
    match rule.action:
        case "replace":
            _replace(rule, labels, value)
        case "keep":
            return labels if rule.pattern.search(value) else None
        case "drop":
            return None if rule.pattern.search(value) else labels
        case "keepequal":
            return labels if labels.get(rule.target_label, "") == value else None
        case "dropequal":
            return None if labels.get(rule.target_label, "") == value else labels
        case "hashmod":
            _set(labels, rule.target_label, str(_hash(value) % rule.modulus))
        case "lowercase":
            _set(labels, rule.target_label, value.lower())
        case "uppercase":
            _set(labels, rule.target_label, value.upper())
    return labels


def _apply_to_names(rule: Rule, labels: Labels) -> Labels:
    if rule.action == "labeldrop":
        return {name: value for name, value in labels.items() if not rule.pattern.search(name)}
    if rule.action == "labelkeep":
        return {name: value for name, value in labels.items() if rule.pattern.search(name)}
    mapped = dict(labels)
    for name, value in labels.items():
        match = rule.pattern.search(name)
        if match:
            _set(mapped, _expand(rule.replacement, match), value)
    return mapped


def _replace(rule: Rule, labels: Labels, value: str) -> None:
    match = rule.pattern.search(value)
    if not match:
        return
    target = _expand(rule.target_label, match)
    if target and (rule.utf8 or LEGACY_NAME.fullmatch(target)):
        _set(labels, target, _expand(rule.replacement, match))


def _set(labels: Labels, name: str, value: str) -> None:
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)


def _expand(template: str, match: Any) -> str:
    """As Go's Regexp.Expand: `$1`, `${1}`, `$name`, `$$`; a name that reaches further than meant is an empty group."""
    if "$" not in template:
        return template
    groups = match.re.groupindex

    def fill(found: re.Match[str]) -> str:
        if found[1]:
            return "$"
        name = found[2] or found[3]
        if name.isdecimal():
            return (match.group(int(name)) or "") if int(name) <= match.re.groups else ""
        return (match.group(name) or "") if name in groups else ""

    return VARIABLE.sub(fill, template)


def _hash(value: str) -> int:
    """The last 8 bytes of MD5, as Prometheus takes them."""
    return int.from_bytes(hashlib.md5(value.encode(), usedforsecurity=False).digest()[8:], "big")
