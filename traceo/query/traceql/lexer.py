"""TraceQL's text to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from traceo.errors import ParseError

MAX_TOKENS = 10_000
MAX_DIGITS = 100  # of a number: more fit neither a float nor Python's own reading of integers
SCOPES = ("span", "resource", "parent", "event", "link", "instrumentation")
NAME = r'(?:[^\s(){},=~!<>&|^"\[\]]+|"(?:[^"\\]|\\.)*")+'
BLANK = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
TOKEN = re.compile(
    rf"""(?P<attribute>(?:parent\.(?:span|resource)|{"|".join(SCOPES)})?\.(?!\d){NAME})
    |(?P<intrinsic>(?:span|trace|event|link|instrumentation):[a-zA-Z]+)
    |(?P<duration>(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d)(?![a-zA-Z]))+|(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d))+)
    |(?P<float>\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)
    |(?P<int>\d+)
    |(?P<string>"(?:[^"\\]|\\.)*"|`[^`]*`)
    |(?P<word>[a-zA-Z_]\w*)
    |(?P<operator>&>>|&<<|!>>|!<<|>>|<<|&>|&<|&~|!>|!<|!~|=~|!=|>=|<=|&&|\|\||[-+*/%^=<>~!|(){{}},])""",
    re.VERBOSE,
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|[smhd])")
NANOSECONDS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is a group of TOKEN, or end; `text` as written."""

    kind: str
    text: str
    at: int


def tokenize(text: str) -> list[Token]:
    """All tokens and the end. Raises ParseError."""
    tokens: list[Token] = []
    at = 0
    while True:
        if found := BLANK.match(text, at):
            at = found.end()
        if at >= len(text):
            return [*tokens, Token("end", "", len(text))]
        if len(tokens) >= MAX_TOKENS:
            raise ParseError(f"the query has more than {MAX_TOKENS:,} parts", position=at)
        token = TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            what = "a text without its closing quote" if text[at] in '"`' else f"unexpected character {text[at]!r}"
            raise ParseError(what, position=at)
        if token.lastgroup in ("int", "float", "duration") and len(token.group()) > MAX_DIGITS:
            raise ParseError(f"a number has at most {MAX_DIGITS} characters", position=at)
        tokens.append(Token(token.lastgroup, token.group(), at))
        at = token.end()


def unquote(text: str) -> str:
    """The content of a text in quotes."""
    if text.startswith("`"):
        return text[1:-1]
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), text[1:-1], flags=re.DOTALL)


def read_name(text: str) -> str:
    """An attribute's name whose parts may be in quotes."""
    return re.sub(r'"((?:[^"\\]|\\.)*)"', lambda found: unquote(found.group()), text)


def read_duration(text: str) -> int:
    """Nanoseconds."""
    return sum(round(float(number) * NANOSECONDS[unit]) for number, unit in DURATION_PART.findall(text))
