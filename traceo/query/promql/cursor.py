"""The tokens of one text, and where the parser stands in them."""

from __future__ import annotations

from collections.abc import Callable

from traceo.errors import ParseError
from traceo.query.promql.errors import parse_error
from traceo.query.promql.lexer import Lexer, Token


class Cursor:
    """Takes one token after the other. A token that is none raises when it is looked at, as in Prometheus."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._rest = Lexer(text).run()
        self._next = next(self._rest)
        self._second = next(self._rest, self._next)
        self.end = 0  # of the last token that was taken

    @property
    def token(self) -> Token:
        """The next one, not yet taken. Raises ParseError."""
        if self._next.kind == "error":
            raise self.fail(self._next.value, self._next.start)
        return self._next

    def after(self) -> Token:
        """The one behind the next."""
        return self._second

    def take(self) -> Token:
        """The next one."""
        token = self.token
        self._next, self._second = self._second, next(self._rest, self._second)
        self.end = token.end
        return token

    def at(self, *values: str) -> bool:
        """Whether the next one is one of these operators or keywords."""
        token = self.token
        return token.kind in ("operator", "keyword") and token.word in values

    def accept(self, *values: str) -> Token | None:
        """The next one, if it is one of these operators or keywords."""
        return self.take() if self.at(*values) else None

    def fail(self, message: str, start: int) -> ParseError:
        """The error to raise."""
        return parse_error(self.text, message, start)

    def unexpected(self, context: str = "", expected: str = "") -> ParseError:
        """The error for a next token that does not belong here."""
        place = f" in {context}" if context else ""
        wanted = f", expected {expected}" if expected else ""
        return self.fail(f"unexpected {self.token.describe()}{place}{wanted}", self.token.start)


def parse_list(cursor: Cursor, context: str, item: Callable[[], None]) -> None:
    """`(item, item, ...)`; a comma may stand after the last."""
    if not cursor.accept("("):
        raise cursor.unexpected(context, '"("')
    while not cursor.accept(")"):
        item()
        if not cursor.accept(",") and not cursor.at(")"):
            raise cursor.unexpected(context, '"," or ")"')
