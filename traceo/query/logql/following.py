"""What of a log query a live tail can ask of each record as it arrives: its streams, and filters of the line."""

from __future__ import annotations

from itertools import takewhile

from traceo.errors import UnsupportedQuery
from traceo.query.log_streams import stream_conditions
from traceo.query.logql.ast import LineFilter, Pipeline
from traceo.query.logql.conditions import line_condition
from traceo.query.logql.parser import parse_logql
from traceo.query.sql import Scope


def parse_followed(text: str) -> Pipeline:
    """A selector and filters of lines. Raises ParseError, and UnsupportedQuery for what else LogQL can say."""
    query = parse_logql(text)
    if not isinstance(query, Pipeline) or len(first_filters(query)) < len(query.stages):
        raise UnsupportedQuery("a tail takes a selector and filters of lines (|= != |~ !~ |> !>)")
    return query


def first_filters(query: Pipeline) -> tuple[LineFilter, ...]:
    """The filters of lines before any other stage."""
    leading = takewhile(lambda stage: isinstance(stage, LineFilter), query.stages)
    return tuple(stage for stage in leading if isinstance(stage, LineFilter))


def follow_conditions(scope: Scope, query: Pipeline) -> list[str]:
    """Conditions on log records: of a stream that is meant, and the first filters let the line pass."""
    lines = [condition for one in first_filters(query) for condition in line_condition(scope, one, "body")]
    return [*stream_conditions(scope, query.matchers), *lines]
