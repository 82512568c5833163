"""PromQL's text to tokens, with Prometheus' own errors. Works on bytes (as Latin-1), because positions count bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from traceo.query.promql.quoting import quote, quote_char, unquote

AGGREGATION_TEXT = "sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio"
AGGREGATIONS = frozenset(AGGREGATION_TEXT.split())
KEYWORD_TEXT = """and or unless atan2 offset smoothed anchored by without on ignoring group_left group_right bool
fill fill_left fill_right start end step range"""
KEYWORDS = frozenset(KEYWORD_TEXT.split())
WORD_OPERATORS = ("and", "or", "unless", "atan2")
SPACE = re.compile(r"[ \t\n\r]+")
COMMENT = re.compile(r"#[^\r\n]*")
IDENTIFIER = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+")
NUMBER = re.compile(r"0[xX][0-9a-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?")
WORDISH = re.compile(r"[0-9a-zA-Z_.]*")
OPERATORS = re.compile(r"==|!=|<=|</|>=|>/|[-+*/%^=<>@,():\[\]{}]")
IN_BRACES = re.compile(r"=~|!~|!=|[=,{}]")
MAX_TOKENS = 20_000  # about a second of one core; no query that anybody wrote has as many


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: identifier, metric (with a colon), keyword, aggregation, number, duration, string, operator or eof.

    `value` is the text as written; of a string, its content. A keyword's `value` is as written, `word` in lower case.
    """

    kind: str
    value: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """In lower case."""
        return self.value.lower()

    def describe(self) -> str:
        """As Prometheus' errors name it."""
        if self.kind == "eof":
            return "end of input"
        if self.kind in NAMES:
            shown = (
                f"{quote(self.value[:10])}..." if len(self.value) > 10 and self.kind in SHORTENED else quote(self.value)
            )
            return f"{NAMES[self.kind]} {shown}"
        if self.kind == "aggregation":
            return f"<aggr:{self.word}>"
        if self.kind == "keyword" and self.word not in WORD_OPERATORS:
            return f"<{self.word}>"
        return quote(self.value) if self.value in PUNCTUATION else f"<op:{self.word}>"


NAMES = {
    "identifier": "identifier",
    "metric": "metric identifier",
    "number": "number",
    "duration": "duration",
    "string": "string",
}
SHORTENED = ("number", "duration", "string")
PUNCTUATION = frozenset(",(){}[]:=")


class LexicalError(Exception):
    """What Prometheus says of a text that is no token."""


class Lexer:
    """One text on its way to tokens."""

    def __init__(self, text: str) -> None:
        self.text = text.encode("utf-8", "surrogateescape").decode("latin-1")
        self._token = Token("eof", "", 0, 0)
        self._at = 0
        self._parens: list[str] = []

    def run(self) -> Iterator[Token]:
        """One token after the other; the last is eof, or an error, whose value is the message."""
        try:
            for _ in range(MAX_TOKENS):
                if self._skip_blank() >= len(self.text):
                    break
                if self._parens and self._parens[-1] == "{":
                    self._in_braces()
                else:
                    self._statement()
                yield self._token
            else:
                raise LexicalError(f"the expression has more than {MAX_TOKENS} parts")
            self._check_closed()
        except LexicalError as error:
            self._add("error", str(error), len(self.text))
        else:
            self._add("eof", "", len(self.text))
        yield self._token

    def _skip_blank(self) -> int:
        while found := SPACE.match(self.text, self._at) or COMMENT.match(self.text, self._at):
            self._at = found.end()
        return self._at

    def _add(self, kind: str, value: str, end: int) -> None:
        self._token = Token(kind, value, self._at, end)
        self._at = end

    def _statement(self) -> None:
        char = self.text[self._at]
        after = self.text[self._at + 1 : self._at + 2]
        if (char.isdigit() and char.isascii()) or (char == "." and after.isdigit()):
            self._number()
        elif char in "\"'`":
            self._string()
        elif found := self._identifier():
            self._word(found)
        elif (char == "=" and after == "~") or (char == "!" and after != "="):
            raise LexicalError(f"unexpected character after '{char}': {quote_char(self._rune(self._at + 1))}")
        elif found := OPERATORS.match(self.text, self._at):
            self._operator(found.group())
        else:
            raise LexicalError(f"unexpected character: {quote_char(self._rune(self._at))}")

    def _identifier(self) -> re.Match[str] | None:
        found = IDENTIFIER.match(self.text, self._at)
        if found and "[" in self._parens and found.group().startswith(":"):  # the colon of a subquery
            return None
        return LABEL.match(self.text, self._at) if found and "[" in self._parens else found

    def _operator(self, value: str) -> None:
        if value in "([{":
            if value == "[" and "[" in self._parens:
                raise LexicalError("unexpected left bracket '['")
            self._parens.append(value)
        elif value in ")]}":
            self._close(value)
        elif value == ":" and "[" not in self._parens:
            raise LexicalError("unexpected character: ':'")
        self._add("operator", value, self._at + len(value))

    def _close(self, value: str) -> None:
        names = {")": ("(", "parenthesis"), "]": ("[", "bracket"), "}": ("{", "brace")}
        opening, name = names[value]
        if not self._parens or opening not in self._parens:
            raise LexicalError(f"unexpected right {name} '{value}'")
        while self._parens.pop() != opening:
            pass

    def _check_closed(self) -> None:
        if not self._parens:
            return
        self._at = len(self.text)
        opening = self._parens[-1]
        if opening == "{":
            raise LexicalError("unexpected end of input inside braces")
        name = "parenthesis" if opening == "(" else "bracket"
        raise LexicalError(f"unclosed left {name}")

    def _word(self, found: re.Match[str]) -> None:
        value = found.group()
        word = value.lower()
        if word in ("inf", "nan"):
            kind = "number"
        elif word in AGGREGATIONS:
            kind = "aggregation"
        elif word in KEYWORDS:
            kind = "keyword"
        else:
            kind = "metric" if ":" in value else "identifier"
        self._add(kind, value, found.end())

    def _number(self) -> None:
        word = WORDISH.match(self.text, self._at)
        assert word
        for kind, pattern in (("duration", DURATION), ("number", NUMBER)):
            found = pattern.match(self.text, self._at)
            rest = self.text[found.end() : found.end() + 1] if found else "?"
            if found and not (rest.isalnum() or (rest in "_." and rest)):
                self._add(kind, found.group(), found.end())
                return
        raise LexicalError(f"bad number or duration syntax: {quote(word.group())}")

    def _string(self) -> None:
        content, end, problem = unquote(self.text, self._at)
        if problem:
            raise LexicalError(problem)
        self._add("string", content, end)

    def _in_braces(self) -> None:
        char = self.text[self._at]
        if char in "\"'`":
            self._string()
        elif found := LABEL.match(self.text, self._at):
            self._add("identifier", found.group(), found.end())
        elif found := IN_BRACES.match(self.text, self._at):
            if found.group() == "{":
                raise LexicalError("unexpected left brace '{'")
            self._operator(found.group())
        elif char == "!":
            after = quote_char(self._rune(self._at + 1))
            raise LexicalError(f"unexpected character after '!' inside braces: {after}")
        else:
            raise LexicalError(f"unexpected character inside braces: {quote_char(self._rune(self._at))}")

    def _rune(self, at: int) -> str:
        """The character that begins there; empty at the end."""
        return self.text[at : at + 4].encode("latin-1").decode("utf-8", "ignore")[:1]
