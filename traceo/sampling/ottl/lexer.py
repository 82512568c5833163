"""OTTL text to tokens."""

import re
from dataclasses import dataclass

from traceo.errors import ParseError

MAX_LENGTH = 4096
TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<bytes>0x[0-9a-fA-F]*)
    |(?P<double>\d*\.\d+(?:[eE][+-]?\d+)?)
    |(?P<int>\d+)
    |(?P<string>"(?:[^"\\]|\\.)*")
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<symbol>==|!=|<=|>=|[<>()\[\].,+\-*/{}])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: bytes, double, int, string, name, symbol or end. `text` as written; of a string, its content."""

    kind: str
    text: str
    position: int


def tokenize(text: str) -> list[Token]:
    """All tokens, with one of kind `end` behind them. Raises ParseError."""
    if len(text) > MAX_LENGTH:
        raise ParseError(f"the condition has more than {MAX_LENGTH} characters", position=MAX_LENGTH)
    tokens, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found:
            raise ParseError(f"{text[at]!r} begins nothing", position=at, hint=_hint(text[at]))
        kind = str(found.lastgroup)
        if kind == "string":
            tokens.append(Token(kind, _unescape(found[0][1:-1], at), at))
        elif kind != "space":
            tokens.append(Token(kind, found[0], at))
        at = found.end()
    return [*tokens, Token("end", "the end", len(text))]


def _unescape(body: str, position: int) -> str:
    """What the literal says; a backslash before another character stays, as patterns need it."""
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[0]), body, flags=re.DOTALL)


def _hint(character: str) -> str | None:
    hints = {
        "'": "texts stand in double quotes",
        '"': "the text has no closing quote",
        "=": "equality is ==",
        "!": "negation is `not`, inequality !=",
        "&": "conjunction is `and`",
        "|": "disjunction is `or`",
    }
    return hints.get(character)
