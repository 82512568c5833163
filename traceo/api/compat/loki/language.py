"""LogQL's errors in Loki's words, with the line and column of what is wrong."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from traceo.errors import ParseError, QueryError
from traceo.query.log_streams import Matchers
from traceo.query.logql.ast import Pipeline, Query
from traceo.query.logql.parser import parse_logql

EVERYTHING = re.compile(r"\s*\{\s*\}\s*")
NOT_LINES = "only log queries are supported here, not metric queries"


@contextmanager
def placed(text: str) -> Iterator[None]:
    """Errors of this query say where: `parse error at line 1, col 5: syntax error: ...`."""
    try:
        yield
    except QueryError as error:
        message = f"{error.message} ({error.hint})" if error.hint else error.message
        if error.position is None:
            message = f"parse error : {message}" if isinstance(error, ParseError) else message
            raise QueryError(message) from error
        at = min(error.position, len(text))
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        kind = "syntax error: " if isinstance(error, ParseError) else ""
        raise QueryError(f"parse error at line {line}, col {column}: {kind}{message}") from error


def parse_query(text: str) -> Query:
    """A query. Raises QueryError in Loki's words."""
    with placed(text):
        if not text.strip():
            raise ParseError("unexpected $end", position=len(text))
        return parse_logql(text)


def parse_lines(text: str) -> Pipeline:
    """A query of lines. Raises QueryError in Loki's words."""
    query = parse_query(text)
    if not isinstance(query, Pipeline):
        raise QueryError(NOT_LINES)
    return query


def parse_selector(text: str, *, may_be_open: bool = False) -> Matchers:
    """Matchers alone; `may_be_open`: nothing, or `{}`, means every stream. Raises QueryError in Loki's words."""
    if may_be_open and (not text.strip() or EVERYTHING.fullmatch(text)):
        return ()
    query = parse_lines(text)
    if query.stages:
        raise QueryError("only label matchers are supported here, not a pipeline")
    return query.matchers
