"""Parses selectors and the stages of a pipeline."""

from __future__ import annotations

from collections.abc import Callable

import re2

from traceo.errors import ParseError
from traceo.query.logql.arguments import networks_of, parse_path
from traceo.query.logql.ast import (
    Both,
    Choose,
    Compare,
    Condition,
    Decolorize,
    Kind,
    LabelFormat,
    LineFilter,
    LineFormat,
    Parser,
    Pipeline,
    Stage,
    Unwrap,
)
from traceo.query.logql.cursor import Cursor
from traceo.query.logql.lexer import Token
from traceo.query.logql.templates import compile_template
from traceo.query.promql.ast import Matcher

LINE_FILTERS = ("|=", "!=", "|~", "!~", "|>", "!>")
STRING_OPERATORS = ("=", "!=", "=~", "!~")
NUMBER_OPERATORS = ("==", "=", "!=", ">", ">=", "<", "<=")
ALL_OPERATORS = (*NUMBER_OPERATORS, "=~", "!~")
KINDS: dict[str, Kind] = {"number": "number", "duration": "duration", "bytes": "bytes"}
MAX_STAGES = 100
CONVERSIONS = ("duration", "duration_seconds", "bytes")
NEEDS_VALUE = (
    "queries require at least one regexp or equality matcher that does not have an empty-compatible value. For "
    'instance, app=~".*" does not meet this requirement, but app=~".+" will'
)


def check_regexp(text: str, at: int) -> None:
    """Raises ParseError for what RE2 does not take."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(text, options=options)
    except re2.error as error:
        shown = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ParseError(f"error parsing regexp: {shown}: {text[:100]!r}", position=at) from error


def parse_selector(cursor: Cursor) -> tuple[Matcher, ...]:
    """`{app="x", ...}`."""
    start = cursor.expect("{").at
    matchers: list[Matcher] = []
    while not cursor.at("}"):
        if matchers:
            cursor.expect(",")
            if cursor.at("}"):
                break
        matchers.append(_matcher(cursor))
    cursor.expect("}")
    if not any(_needs_value(matcher) for matcher in matchers):
        raise ParseError(NEEDS_VALUE, position=start)
    return tuple(matchers)


def _needs_value(matcher: Matcher) -> bool:
    if matcher.op == "=":
        return matcher.value != ""
    return matcher.op == "=~" and re2.fullmatch(matcher.value, "") is None


def _matcher(cursor: Cursor) -> Matcher:
    name = cursor.expect_kind("word", "a label's name").text
    if not cursor.at(*STRING_OPERATORS):
        cursor.fail(f"expected one of {' '.join(STRING_OPERATORS)}")
    op = cursor.take().text
    value = cursor.expect_kind("string", "a text in quotes")
    if op in ("=~", "!~"):
        check_regexp(value.text, value.at)
    return Matcher(name, op, value.text)


def parse_stages(cursor: Cursor) -> tuple[list[Stage], Unwrap | None]:
    """All stages that follow, and the unwrapping at their end."""
    stages: list[Stage] = []
    while cursor.at(*LINE_FILTERS, "|"):
        if len(stages) >= MAX_STAGES:
            cursor.fail(f"a pipeline has at most {MAX_STAGES} stages")
        if cursor.at("|") and cursor.peek().text == "unwrap" and cursor.peek().kind == "word":
            return stages, _unwrap(cursor)
        stages.append(_line_filter(cursor) if not cursor.at("|") else _stage(cursor))
    return stages, None


def parse_pipeline(cursor: Cursor) -> tuple[Pipeline, Unwrap | None]:
    """A selector and its stages."""
    matchers = parse_selector(cursor)
    stages, unwrap = parse_stages(cursor)
    return Pipeline(matchers, tuple(stages)), unwrap


def _line_filter(cursor: Cursor) -> LineFilter:
    token = cursor.take()
    texts = [_line_text(cursor, token.text)]
    while cursor.skip("or"):
        texts.append(_line_text(cursor, token.text))
    return LineFilter(token.text, tuple(texts), token.at)


def _line_text(cursor: Cursor, op: str) -> tuple[str, bool]:
    if cursor.at("ip"):
        if op not in ("|=", "!="):
            cursor.fail(f"{op} takes no ip()", hint="use |= or !=")
        return _ip(cursor), True
    value = cursor.expect_kind("string", "a text in quotes")
    if op in ("|~", "!~"):
        check_regexp(value.text, value.at)
    return value.text, False


def _ip(cursor: Cursor) -> str:
    cursor.expect("ip")
    cursor.expect("(")
    token = cursor.expect_kind("string", "an address, a range or a network in quotes")
    networks_of(token.text, token.at)
    cursor.expect(")")
    return token.text


def _stage(cursor: Cursor) -> Stage:
    cursor.expect("|")
    token = cursor.token
    if token.kind == "word" and token.text in STAGES and cursor.peek().text not in NUMBER_OPERATORS:
        cursor.take()
        return STAGES[token.text](cursor, token)
    return parse_condition(cursor)


def _fielded(cursor: Cursor, token: Token) -> Parser:
    """json and logfmt."""
    flags = set()
    while token.text == "logfmt" and cursor.token.kind == "flag":
        flag = cursor.take()
        if flag.text not in ("--strict", "--keep-empty"):
            raise ParseError(f"logfmt has no flag {flag.text}", position=flag.at, hint="--strict or --keep-empty")
        flags.add(flag.text)
    fields: list[tuple[str, str]] = []
    while cursor.token.kind == "word" and cursor.token.text not in ("by", "without"):
        label = cursor.take().text
        path = label
        if cursor.skip("="):
            written = cursor.expect_kind("string", "an expression in quotes")
            path = written.text
            if token.text == "json":
                parse_path(path, written.at)
        fields.append((label, path))
        if not cursor.skip(","):
            break
    return Parser(
        token.text,
        tuple(fields),
        strict="--strict" in flags,
        keep_empty="--keep-empty" in flags,
        at=token.at,
    )


def _expression(cursor: Cursor, token: Token) -> Parser:
    """regexp and pattern."""
    text = cursor.expect_kind("string", "an expression in quotes")
    if token.text == "regexp":
        check_regexp(text.text, text.at)
        names = re2.compile(text.text).groupindex
        if not names:
            raise ParseError("at least one named capture must be supplied", position=text.at, hint="(?P<name>...)")
    elif not [name for name in split_pattern(text.text, text.at)[1] if name != "_"]:
        raise ParseError("at least one capture is required", position=text.at, hint="<name>")
    return Parser(token.text, text=text.text, at=text.at)


def split_pattern(text: str, at: int) -> tuple[list[str], list[str]]:
    """Literals and, one fewer, the names between them. Raises ParseError where two captures touch."""
    literals, place = [""], 0
    names: list[str] = []
    while place < len(text):
        end = text.find(">", place)
        name = text[place + 1 : end] if text[place] == "<" and end > 0 else ""
        if name and (name == "_" or (name.isidentifier() and name.isascii())):
            if names and not literals[-1]:
                raise ParseError("found consecutive capture", position=at, hint="put a text between two captures")
            names.append(name)
            literals.append("")
            place = end + 1
        else:
            literals[-1] += text[place]
            place += 1
    return literals, names


def _line_format(cursor: Cursor, token: Token) -> LineFormat:
    text = cursor.expect_kind("string", "a template in quotes")
    compile_template(text.text, lambda name: "''", text.at)
    return LineFormat(text.text, text.at)


def _label_format(cursor: Cursor, token: Token) -> LabelFormat:
    items: list[tuple[str, str, bool]] = []
    while True:
        label = cursor.expect_kind("word", "a label's name")
        cursor.expect("=")
        if label.text in [item[0] for item in items]:
            raise ParseError(f"multiple label name {label.text!r} not allowed in a single format", position=label.at)
        if cursor.token.kind == "string":
            text = cursor.take()
            compile_template(text.text, lambda name: "''", text.at)
            items.append((label.text, text.text, True))
        else:
            items.append((label.text, cursor.expect_kind("word", "a label's name or a template").text, False))
        if not cursor.skip(","):
            return LabelFormat(tuple(items), token.at)


def _choose(cursor: Cursor, token: Token) -> Choose:
    items = []
    while True:
        name = cursor.expect_kind("word", "a label's name").text
        if cursor.at(*STRING_OPERATORS):
            op, value = cursor.take().text, cursor.expect_kind("string", "a text in quotes")
            if op in ("=~", "!~"):
                check_regexp(value.text, value.at)
            items.append(Matcher(name, op, value.text))
        else:
            items.append(Matcher(name, "", ""))
        if not cursor.skip(","):
            return Choose("drop" if token.text == "drop" else "keep", tuple(items))


def _unwrap(cursor: Cursor) -> Unwrap:
    cursor.expect("|")
    cursor.expect("unwrap")
    label, conversion = cursor.expect_kind("word", "a label's name"), ""
    if cursor.skip("("):
        if label.text not in CONVERSIONS:
            raise ParseError(
                f"unwrap knows no {label.text}()", position=label.at, hint=f"one of {', '.join(CONVERSIONS)}"
            )
        conversion = label.text
        label = cursor.expect_kind("word", "a label's name")
        cursor.expect(")")
    filters = []
    while cursor.skip("|"):
        filters.append(parse_condition(cursor))
    return Unwrap(label.text, conversion, tuple(filters))


def parse_condition(cursor: Cursor) -> Condition:
    """Label filters: `or` binds less than `and`, a comma and mere neighbours."""
    with cursor:
        left = _conjunction(cursor)
        while cursor.skip_one_of_many("or"):
            left = Both("or", left, _conjunction(cursor))
        return left


def _conjunction(cursor: Cursor) -> Condition:
    left = _comparison(cursor)
    while cursor.skip_one_of_many("and", ",") or (
        cursor.token.kind == "word" and cursor.peek().text in ALL_OPERATORS and cursor.join()
    ):
        left = Both("and", left, _comparison(cursor))
    return left


def _comparison(cursor: Cursor) -> Condition:
    if cursor.skip("("):
        inner = parse_condition(cursor)
        cursor.expect(")")
        return inner
    name = cursor.expect_kind("word", "a stage or a label's name")
    if not cursor.at(*ALL_OPERATORS):
        cursor.fail(f"{name.text!r} is no stage, and no condition", hint=f"stages are {', '.join(STAGES)}, unwrap")
    op = cursor.take()
    if cursor.at("ip") and op.text in ("=", "!="):
        return Compare(name.text, op.text, "ip", _ip(cursor), at=name.at)
    sign = -1.0 if cursor.skip("-") else 1.0
    value = cursor.token
    if value.kind == "string" and op.text in STRING_OPERATORS and sign > 0:
        if op.text in ("=~", "!~"):
            check_regexp(value.text, value.at)
        cursor.take()
        return Compare(name.text, op.text, "string", value.text, at=name.at)
    if value.kind in KINDS and op.text in NUMBER_OPERATORS:
        cursor.take()
        shown = "==" if op.text == "=" else op.text
        text = value.text if sign > 0 else f"-{value.text}"
        return Compare(name.text, shown, KINDS[value.kind], text, sign * value.number, at=name.at)
    cursor.fail(f"{op.text} cannot be asked of that value")
    raise AssertionError


STAGES: dict[str, Callable[[Cursor, Token], Stage]] = {
    "json": _fielded,
    "logfmt": _fielded,
    "unpack": lambda cursor, token: Parser("unpack", at=token.at),
    "regexp": _expression,
    "pattern": _expression,
    "line_format": _line_format,
    "label_format": _label_format,
    "decolorize": lambda cursor, token: Decolorize(),
    "drop": _choose,
    "keep": _choose,
}
