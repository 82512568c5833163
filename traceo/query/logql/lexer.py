"""LogQL's text to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from traceo.errors import ParseError
from traceo.query.promql.quoting import unquote

MAX_TOKENS = 20_000
BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")
WORD = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
FLAG = re.compile(r"--[a-z][a-z-]*")
# A number with units of time or of bytes is one token.
NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?P<unit>[a-zA-Zµ][a-zA-Zµ0-9.]*)?")
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|[smhdwy]))+")
DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|[smhdwy])")
SECONDS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0,
    "d": 86400.0, "w": 604800.0, "y": 31536000.0,
}  # fmt: skip
BYTES = re.compile(r"(\d+(?:\.\d+)?)([kKmMgGtTpPeE]?)(i?)[bB]")
OPERATOR = re.compile(r"\|=|\|~|\|>|!=|!~|!>|=~|==|>=|<=|[-+*/%^=<>|(),{}\[\]]")


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: word, string, number, duration, bytes, flag, operator or end. `number`: its value, seconds or bytes."""

    kind: str
    text: str
    at: int
    end: int
    number: float = 0.0

    def describe(self) -> str:
        """For errors."""
        return "the end of the query" if self.kind == "end" else repr(self.text[:40])


def tokenize(text: str) -> list[Token]:
    """All tokens and the end. Raises ParseError."""
    tokens: list[Token] = []
    at = 0
    quoted = text.encode("utf-8", "surrogateescape").decode("latin-1") if not text.isascii() else text
    ascii_only = quoted is text
    while True:
        if found := BLANK.match(text, at):
            at = found.end()
        if at >= len(text):
            return [*tokens, Token("end", "", len(text), len(text))]
        if len(tokens) >= MAX_TOKENS:
            raise ParseError(f"the query has more than {MAX_TOKENS} parts", position=at)
        token = _string(text, quoted, ascii_only, at) if text[at] in '"`' else _plain(text, at)
        tokens.append(token)
        at = token.end


def _string(text: str, quoted: str, ascii_only: bool, at: int) -> Token:
    """Quoting works on bytes, so that places are those of the text's UTF-8."""
    before = at if ascii_only else len(text[:at].encode("utf-8", "surrogateescape"))
    content, end, problem = unquote(quoted, before)
    if problem:
        raise ParseError(problem, position=at)
    if not ascii_only:
        end = len(quoted[:end].encode("latin-1").decode("utf-8", "surrogateescape"))
    return Token("string", content, at, end)


def _plain(text: str, at: int) -> Token:
    if found := WORD.match(text, at):
        return Token("word", found.group(), at, found.end())
    if found := NUMBER.match(text, at):
        return _number(found, at)
    if found := FLAG.match(text, at):
        return Token("flag", found.group(), at, found.end())
    if found := OPERATOR.match(text, at):
        return Token("operator", found.group(), at, found.end())
    raise ParseError(f"unexpected character {text[at]!r}", position=at)


def _number(found: re.Match[str], at: int) -> Token:
    whole = found.group()
    if not found["unit"]:
        value = float(int(whole, 16)) if whole[:2].lower() == "0x" else float(whole)
        return Token("number", whole, at, found.end(), value)
    if DURATION.fullmatch(whole):
        return Token("duration", whole, at, found.end(), parse_duration(whole))
    if size := BYTES.fullmatch(whole):
        return Token("bytes", whole, at, found.end(), float(size[1]) * unit_bytes(size[2], bool(size[3])))
    raise ParseError(f"{whole[:40]!r} is no number", position=at, hint="units are those of 1h30m, 250ms, 10KB or 5MiB")


def unit_bytes(prefix: str, binary: bool) -> int:
    """How many bytes a unit such as k or Mi has."""
    return int((1024 if binary else 1000) ** (" kmgtpe".index(prefix.lower()) if prefix else 0))


def parse_duration(text: str) -> float:
    """Seconds of `1h30m`."""
    return sum(float(number) * SECONDS[unit] for number, unit in DURATION_PART.findall(text))
