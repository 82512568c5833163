"""Errors of PromQL with Prometheus' texts and positions."""

from traceo.errors import ParseError


def position_of(text: str, offset: int) -> str:
    """`line:column` of an offset in bytes, both from 1."""
    before = text.encode("utf-8", "surrogateescape")[: max(0, offset)]
    line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    return f"{line}:{column}"


def parse_error(text: str, message: str, start: int) -> ParseError:
    """The error as Prometheus prints it: `1:5: parse error: ...`."""
    return ParseError(f"{position_of(text, start)}: parse error: {message}", position=start)
