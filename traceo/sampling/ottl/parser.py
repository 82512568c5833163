"""Tokens to a tree: `or` < `and` < `not` < comparison < + - < * / < values."""

import difflib

from traceo.errors import ParseError, UnsupportedQuery
from traceo.sampling.ottl.ast import Binary, Call, Literal, Negation, Node, Path
from traceo.sampling.ottl.lexer import Token, tokenize

MAX_DEPTH = 40
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
INT64_LIMIT = 1 << 63
ENUMS = {
    "SPAN_KIND_UNSPECIFIED": 0,
    "SPAN_KIND_INTERNAL": 1,
    "SPAN_KIND_SERVER": 2,
    "SPAN_KIND_CLIENT": 3,
    "SPAN_KIND_PRODUCER": 4,
    "SPAN_KIND_CONSUMER": 5,
    "STATUS_CODE_UNSET": 0,
    "STATUS_CODE_OK": 1,
    "STATUS_CODE_ERROR": 2,
}
WORDS = {"true": True, "false": False, "nil": None}


def parse(text: str) -> Node:
    """The tree of a condition or value. Raises ParseError and UnsupportedQuery with the position."""
    parser = _Parser(tokenize(text))
    node = parser.disjunction()
    parser.expect("end", "an operator or the end")
    return node


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def accept(self, *texts: str) -> Token | None:
        """The next token, if it is one of these symbols or words."""
        found = self.token.kind in ("symbol", "name") and self.token.text in texts
        return self.take() if found else None

    def expect(self, text: str, what: str) -> None:
        if self.token.kind != text and not (self.token.kind == "symbol" and self.token.text == text):
            raise ParseError(f"expected {what}, found {self.token.text!r}", position=self.token.position)
        self.at += 1

    def disjunction(self) -> Node:
        node = self.conjunction()
        while found := self.accept("or"):
            node = Binary("or", node, self.conjunction(), found.position)
        return node

    def conjunction(self) -> Node:
        node = self.negation()
        while found := self.accept("and"):
            node = Binary("and", node, self.negation(), found.position)
        return node

    def negation(self) -> Node:
        found = self.accept("not")
        if not found:
            return self.comparison()
        self._descend(found)
        node = Negation(self.negation(), found.position)
        self.depth -= 1
        return node

    def comparison(self) -> Node:
        node = self.sum()
        found = self.accept(*COMPARISONS)
        return Binary(found.text, node, self.sum(), found.position) if found else node

    def sum(self) -> Node:
        node = self.product()
        while found := self.accept("+", "-"):
            node = Binary(found.text, node, self.product(), found.position)
        return node

    def product(self) -> Node:
        node = self.value()
        while found := self.accept("*", "/"):
            node = Binary(found.text, node, self.value(), found.position)
        return node

    def value(self) -> Node:
        token = self.take()
        if token.kind == "symbol" and token.text == "(":
            self._descend(token)
            node = self.disjunction()
            self.expect(")", "a closing parenthesis")
            self.depth -= 1
            return node
        if token.kind == "symbol" and token.text in "+-" and self.token.kind in ("int", "double"):
            return self._number(self.take(), token.text)
        if token.kind in ("int", "double"):
            return self._number(token, "")
        if token.kind == "string":
            return Literal(token.text, token.position)
        if token.kind == "bytes":
            return _bytes(token)
        if token.kind == "name":
            return self._named(token)
        if token.text in ("[", "{"):
            raise UnsupportedQuery("lists and maps cannot be compared", position=token.position)
        raise ParseError(f"expected a value, found {token.text!r}", position=token.position)

    def _descend(self, token: Token) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ParseError(f"nested more than {MAX_DEPTH} deep", position=token.position)

    def _number(self, token: Token, sign: str) -> Literal:
        if token.kind == "double":
            return Literal(float(sign + token.text), token.position)
        number = int(sign + token.text)
        if not -INT64_LIMIT <= number < INT64_LIMIT:
            raise ParseError(f"{token.text} does not fit in 64 bits", position=token.position)
        return Literal(number, token.position)

    def _named(self, token: Token) -> Node:
        if token.text in WORDS:
            return Literal(WORDS[token.text], token.position)
        if token.text in ("and", "or", "not", "where"):
            raise ParseError(f"expected a value, found {token.text!r}", position=token.position)
        if token.text[0].islower() or token.text[0] == "_":
            return self._path(token)
        if self.token.text == "(" and self.token.kind == "symbol":
            return self._call(token)
        if token.text in ENUMS:
            return Literal(ENUMS[token.text], token.position)
        near = difflib.get_close_matches(token.text, ENUMS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(ENUMS)}"
        raise ParseError(f"{token.text} is no enum of a span", position=token.position, hint=hint)

    def _call(self, token: Token) -> Call:
        self._descend(token)
        self.take()
        arguments: list[Node] = []
        while not self.accept(")"):
            if arguments:
                self.expect(",", "a comma or a closing parenthesis")
            arguments.append(self.disjunction())
        self.depth -= 1
        return Call(token.text, tuple(arguments), token.position)

    def _path(self, token: Token) -> Path:
        names = [token.text]
        keys: list[str | int] = []
        while True:
            if not keys and self.accept("."):
                if self.token.kind != "name":
                    raise ParseError(f"expected a name, found {self.token.text!r}", position=self.token.position)
                names.append(self.take().text)
            elif self.accept("["):
                key = self.take()
                if key.kind not in ("string", "int"):
                    raise UnsupportedQuery(
                        "a key must be a text", position=key.position, hint='such as attributes["key"]'
                    )
                keys.append(int(key.text) if key.kind == "int" else key.text)
                self.expect("]", "a closing bracket")
            else:
                return Path(tuple(names), tuple(keys), token.position)


def _bytes(token: Token) -> Literal:
    digits = token.text[2:]
    if len(digits) % 2:
        raise ParseError("an odd number of hexadecimal digits", position=token.position)
    return Literal(bytes.fromhex(digits), token.position)
