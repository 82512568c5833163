"""A place in a list of tokens, and what may stand there."""

from __future__ import annotations

from traceo.errors import ParseError
from traceo.query.logql.lexer import Token, tokenize

MAX_DEPTH = 100
MAX_JOINED = 250  # parts of chains such as `a or b or c`


class Cursor:
    """Tokens of one text, read from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokenize(text)
        self._next = 0
        self._depth = 0
        self._joined = 0

    @property
    def token(self) -> Token:
        """The one that comes next."""
        return self._tokens[self._next]

    def peek(self, ahead: int = 1) -> Token:
        """One of those behind it."""
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def take(self) -> Token:
        """The next one, which is passed."""
        token = self.token
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def at(self, *texts: str) -> bool:
        """Whether an operator or a word of these comes next."""
        return self.token.kind in ("operator", "word") and self.token.text in texts

    def skip(self, *texts: str) -> bool:
        """The same; if so, it is passed."""
        found = self.at(*texts)
        if found:
            self.take()
        return found

    def skip_one_of_many(self, *texts: str) -> bool:
        """The same of an operator that chains, whose trees are as deep as the chain is long. Raises ParseError."""
        return self.skip(*texts) and self.join()

    def join(self) -> bool:
        """Counts one part more of a chain. Raises ParseError where it is too long."""
        self._joined += 1
        if self._joined > MAX_JOINED:
            raise ParseError(f"the query joins more than {MAX_JOINED} parts by operators", position=self.token.at)
        return True

    def expect(self, text: str) -> Token:
        """This operator or word. Raises ParseError."""
        if not self.at(text):
            self.fail(f"expected {text!r}")
        return self.take()

    def expect_kind(self, kind: str, what: str) -> Token:
        """A token of this kind. Raises ParseError."""
        if self.token.kind != kind:
            self.fail(f"expected {what}")
        return self.take()

    def fail(self, message: str, hint: str | None = None) -> None:
        """Raises ParseError for the token that comes next."""
        raise ParseError(f"{message}, found {self.token.describe()}", position=self.token.at, hint=hint)

    def __enter__(self) -> Cursor:
        """One level deeper. Raises ParseError where nesting is too deep."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ParseError(f"the query nests deeper than {MAX_DEPTH} levels", position=self.token.at)
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
