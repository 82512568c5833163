"""Filters of lines and of labels as SQL conditions."""

from __future__ import annotations

from traceo.query.logql.arguments import networks_of
from traceo.query.logql.ast import Compare, LineFilter
from traceo.query.logql.compare import READ, SQL_OPERATORS
from traceo.query.logql.stages import split_pattern
from traceo.query.logs import TOKEN
from traceo.query.promql.ast import Matcher
from traceo.query.sql import Scope

ADDRESSES = r"(?:\\d{1,3}\\.){3}\\d{1,3}|[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*"


def line_condition(scope: Scope, stage: LineFilter, line: str) -> list[str]:
    """All of these hold for a line that passes."""
    negated, op = stage.op.startswith("!"), {"!=": "|=", "!~": "|~", "!>": "|>"}.get(stage.op, stage.op)
    found = [_found(scope, op, text, is_ip, line, stage.at) for text, is_ip in stage.texts]
    either = found[0] if len(found) == 1 else f"({' OR '.join(found)})"
    if negated:
        return [f"NOT {either}"]
    only, is_ip = stage.texts[0]
    indexed = []
    if len(stage.texts) == 1 and op == "|=" and line == "body" and not is_ip:
        inner = [found.group() for found in TOKEN.finditer(only) if found.start() > 0 and found.end() < len(only)]
        indexed = [f"hasToken(body, {scope.bind(token)})" for token in inner]
    return [*indexed, either]


def _found(scope: Scope, op: str, text: str, is_ip: bool, line: str, at: int) -> str:
    if is_ip:
        inside = address_condition(scope, "address", text, at)
        return f"arrayExists(address -> {inside}, extractAll({line}, '{ADDRESSES}'))"
    if op == "|=":
        return f"position({line}, {scope.bind(text)}) > 0" if text else "1"
    if op == "|~":
        return f"match({line}, {scope.bind(f'(?-s){text}')})" if text else "1"
    literals, _ = split_pattern(text, at)
    return f"match({line}, {scope.bind('(?s)^' + '.*'.join(map(quote_regexp, literals)) + '$')})"


def quote_regexp(text: str) -> str:
    """A regular expression of RE2 that matches this text only."""
    return "".join(char if char.isalnum() or char in "_ " or ord(char) > 127 else f"\\{char}" for char in text)


def matcher_condition(scope: Scope, matcher: Matcher, value: str) -> str:
    """A text meets a matcher; regular expressions match whole texts."""
    negation = "NOT " if matcher.op.startswith("!") else ""
    if matcher.op in ("=", "!="):
        return f"{negation}({value} = {scope.bind(matcher.value)})"
    return f"{negation}match({value}, {scope.bind(f'^(?s:{matcher.value})$')})"


def address_condition(scope: Scope, value: str, text: str, at: int) -> str:
    """A text is an address, lies in a network or in a range `a-b`. Raises ParseError for anything else."""
    inside = " OR ".join(f"isIPAddressInRange({value}, {scope.bind(network)})" for network in networks_of(text, at))
    valid = f"(isIPv4String({value}) OR isIPv6String({value}))"
    return f"if({valid}, {inside}, 0)"


def label_condition(scope: Scope, asked: Compare, value: str, failed: list[str]) -> str:
    """A label's value meets it. Where it cannot be compared it does, and `failed` gets the condition of that."""
    if asked.kind == "string":
        return matcher_condition(scope, Matcher(asked.name, asked.op, asked.text), value)
    if asked.kind == "ip":
        inside = address_condition(scope, value, asked.text, asked.at)
        return f"({value} != '' AND {'NOT ' if asked.op == '!=' else ''}{inside})"
    number = READ[asked.kind].format(x=value)
    failed.append(f"({value} != '' AND isNull({number}))")
    return f"({value} != '' AND ifNull({number} {SQL_OPERATORS[asked.op]} {asked.value!r}, 1))"
