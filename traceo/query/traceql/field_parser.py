"""Parses what stands within braces: fields, values, conditions; `parser.py` has what is around them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NoReturn

import re2

from traceo.errors import ParseError
from traceo.query.traceql.ast import Attribute, Binary, Field, Static, Unary
from traceo.query.traceql.check import NUMBERS
from traceo.query.traceql.lexer import SCOPES, Token, read_duration, read_name, tokenize, unquote

MAX_DEPTH = 60
MAX_JOINED = 200
STATUSES = {"unset": 0, "ok": 1, "error": 2}
KINDS = {"unspecified": 0, "internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
# Intrinsics by all their names; the value is the scoped one.
INTRINSICS = {
    "duration": "span:duration", "name": "span:name", "status": "span:status", "kind": "span:kind",
    "statusMessage": "span:statusMessage", "childCount": "span:childCount", "rootName": "trace:rootName",
    "rootServiceName": "trace:rootService", "traceDuration": "trace:duration", "nestedSetParent": "nestedSetParent",
    "nestedSetLeft": "nestedSetLeft", "nestedSetRight": "nestedSetRight",
}  # fmt: skip
SCOPED = frozenset(
    (
        "span:duration", "span:name", "span:status", "span:kind", "span:statusMessage", "span:id", "span:parentID",
        "span:childCount", "trace:id", "trace:duration", "trace:rootName", "trace:rootService", "event:name",
        "event:timeSinceStart", "link:traceID", "link:spanID", "instrumentation:name", "instrumentation:version",
    )
)  # fmt: skip
BOUNDS = {"minInt": -(1 << 63), "maxInt": (1 << 63) - 1}
# Where the values of a scope's attributes may be.
HOLDERS = {
    "": ("span", "resource"), "span": ("span",), "resource": ("resource",), "parent": ("span", "resource"),
    "parent.span": ("span",), "parent.resource": ("resource",), "event": (), "link": (), "instrumentation": (),
}  # fmt: skip
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=", "=~", "!~")
LEVELS = (("&&", "||"), COMPARISONS, ("+", "-"), ("*", "/", "%"))


class Cursor:
    """The tokens of a query, and the next one."""

    def __init__(self, text: str, arrays: frozenset[str] = frozenset()) -> None:
        self._arrays = arrays
        self._tokens = tokenize(text)
        self._next = 0
        self._depth = self._joined = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _peek(self) -> Token:
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._token
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _at(self, *texts: str) -> bool:
        return self._token.kind in ("operator", "word") and self._token.text in texts

    def _skip(self, text: str) -> bool:
        found = self._at(text)
        if found:
            self._take()
        return found

    def _expect(self, text: str) -> Token:
        if not self._at(text):
            self._fail(f"expected {text!r}")
        return self._take()

    def _fail(self, message: str, hint: str | None = None) -> NoReturn:
        found = repr(self._token.text[:40]) if self._token.kind != "end" else "the end of the query"
        raise ParseError(f"{message}, found {found}", position=self._token.at, hint=hint)

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ParseError(f"the query nests deeper than {MAX_DEPTH} levels", position=self._token.at)
        yield
        self._depth -= 1

    def _join(self) -> Token:
        """An operator; what is joined by many becomes a tree as deep."""
        self._joined += 1
        if self._joined > MAX_JOINED:
            raise ParseError(f"the query joins more than {MAX_JOINED} parts", position=self._token.at)
        return self._take()


class FieldParser(Cursor):
    """Fields by the precedence of their operators."""

    def _fields(self) -> tuple[Field, ...]:
        self._expect("(")
        fields = [self._field(0)]
        while self._skip(","):
            fields.append(self._field(0))
        self._expect(")")
        return tuple(fields)

    def _field(self, level: int) -> Field:
        if level == len(LEVELS):
            return self._power()
        left = self._field(level + 1)
        while self._at(*LEVELS[level]):
            op = self._join()
            right = self._field(level + 1)
            if op.text in ("=~", "!~"):
                _check_regexp(right, op.at)
            left = Binary(op.text, left, right, op.at)
        return left

    def _power(self) -> Field:
        base = self._operand()
        if self._at("^"):
            op = self._join()
            return Binary("^", base, self._power(), op.at)
        return base

    def _operand(self) -> Field:
        token = self._token
        if self._at("!", "-"):
            op = self._take()
            with self._deeper():
                inner = self._operand()
            if op.text == "-" and isinstance(inner, Static) and inner.kind in NUMBERS:
                assert isinstance(inner.value, int | float)
                return Static(inner.kind, -inner.value, op.at)
            return Unary(op.text, inner, op.at)
        if self._skip("("):
            with self._deeper():
                field = self._field(0)
            self._expect(")")
            return field
        if token.kind == "attribute":
            self._take()
            scope, name = _split(token.text)
            return Attribute(scope, read_name(name), arrays=not self._arrays.isdisjoint(HOLDERS[scope]), at=token.at)
        if token.kind == "intrinsic":
            self._take()
            if token.text not in SCOPED:
                raise ParseError(f"there is no {token.text}", position=token.at, hint=", ".join(sorted(SCOPED)))
            return Attribute("", token.text, intrinsic=True, at=token.at)
        if token.kind == "word" and token.text in INTRINSICS:
            self._take()
            return Attribute("", INTRINSICS[token.text], intrinsic=True, at=token.at)
        static = self._static()
        if static is None:
            self._fail("expected a field or a value", "attributes begin with a dot or a scope: .name, span.name")
        return static

    def _static(self) -> Static | None:
        token = self._token
        made: Static | None = None
        match token.kind:
            case "string":
                made = Static("string", unquote(token.text), token.at)
            case "int":
                made = Static("int", int(token.text), token.at)
            case "float":
                made = Static("float", float(token.text), token.at)
            case "duration":
                made = Static("duration", read_duration(token.text), token.at)
            case "word" if token.text in ("true", "false"):
                made = Static("bool", token.text == "true", token.at)
            case "word" if token.text == "nil":
                made = Static("nil", None, token.at)
            case "word" if token.text in BOUNDS:
                made = Static("int", BOUNDS[token.text], token.at)
            case "word" if token.text in STATUSES:
                made = Static("status", STATUSES[token.text], token.at)
            case "word" if token.text in KINDS:
                made = Static("kind", KINDS[token.text], token.at)
        if made is not None:
            self._take()
        return made

    def _number(self, kinds: Collection[str], message: str) -> Static:
        at, negative = self._token, self._skip("-")
        static = self._static()
        if static is None:
            self._fail(message)
        if static.kind not in kinds:
            raise ParseError(f"{message}, found {at.text[:40]!r}", position=at.at)
        assert isinstance(static.value, int | float)
        return Static(static.kind, -static.value if negative else static.value, at.at)


def _split(text: str) -> tuple[str, str]:
    for scope in ("parent.span", "parent.resource", *SCOPES):
        if text.startswith(f"{scope}."):
            return scope, text[len(scope) + 1 :]
    return "", text[1:]


def _check_regexp(right: Field, at: int) -> None:
    if not isinstance(right, Static) or not isinstance(right.value, str):
        raise ParseError("a regular expression is a text in quotes", position=at)
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(right.value, options)
    except re2.error as error:
        shown = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ParseError(f"the regular expression cannot be read: {shown}", position=right.at) from error
