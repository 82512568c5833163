"""label_replace and label_join."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import re2

from traceo.errors import QueryError
from traceo.query.promql.ast import Call
from traceo.query.promql.context import Context
from traceo.query.promql.quoting import quote
from traceo.query.promql.selectors import compile_pattern, is_label_name
from traceo.query.promql.values import Grid, Labels, merge_same_labels

REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)


def label_replace(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """Sets a label to a template of what a pattern matches in another. Raises QueryError."""
    grid, target, template, source, pattern = arguments
    try:
        compiled = compile_pattern(pattern)
    except (re2.error, UnicodeEncodeError) as error:
        raise QueryError(f"invalid regular expression in label_replace(): {pattern}") from error
    if not is_label_name(target):
        raise QueryError(f"invalid destination label name in label_replace(): {_bare(target)}")
    known: dict[str, str | None] = {}

    def value(labels: Labels) -> str | None:
        text = labels.get(source, "")
        if text not in known:
            found = compiled.fullmatch(text)
            known[text] = _expand(template, found) if found else None
        return known[text]

    return _set_label(grid, target, value)


def label_join(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """Sets a label to the values of others, with a separator between them. Raises QueryError."""
    grid, target, separator, *sources = arguments
    for name in sources:
        if not is_label_name(name):
            raise QueryError(f"invalid source label name in label_join(): {_bare(name)}")
    if not is_label_name(target):
        raise QueryError(f"invalid destination label name in label_join(): {_bare(target)}")
    return _set_label(grid, target, lambda labels: separator.join(labels.get(name, "") for name in sources))


def _bare(name: str) -> str:
    return quote(name)[1:-1]


def _expand(template: str, found: Any) -> str:
    """Go's `Expand`: `$1`, `${name}`, `$$`; what is no group is empty."""

    def group(reference: re.Match[str]) -> str:
        if reference.group(1):
            return "$"
        name = reference.group(2) or reference.group(3)
        try:
            return found.group(int(name) if name.isdigit() else name) or ""
        except (IndexError, KeyError):
            return ""

    return REFERENCE.sub(group, template)


def _set_label(grid: Grid, target: str, value: Callable[[Labels], str | None]) -> Grid:
    """The grid with a label set where `value` gives one; an empty one removes the label."""
    made, drop = [], grid.drop_name.copy()
    for row, labels in enumerate(grid.labels):
        text = value(labels)
        if text is None:
            made.append(labels)
            continue
        changed = {name: old for name, old in labels.items() if name != target}
        if text:
            changed[target] = text
        if target == "__name__":
            drop[row] = False
        made.append(changed)
    return merge_same_labels(replace(grid, labels=made, drop_name=drop))


FUNCTIONS: dict[str, Callable[[Sequence[Any], Call, Context], Grid]] = {
    "label_replace": label_replace,
    "label_join": label_join,
}
