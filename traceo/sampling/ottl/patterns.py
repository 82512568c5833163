"""Regular expressions as Go's `regexp` reads them: RE2, which the engine has, too."""

from collections.abc import Iterable

import re2

from traceo.sampling.columns import SpanColumns

MAX_REASON = 200


def alternatives(patterns: Iterable[str]) -> str:
    """One pattern that is found where one of them is."""
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def pattern_problem(pattern: str) -> str:
    """Why RE2 cannot take a pattern, or ""; it refuses those that would explode."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options=options)
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        return text if len(text) <= MAX_REASON else f"{text[:MAX_REASON]}..."  # it quotes the pattern
    return ""


def bind_pattern(pattern: str, columns: SpanColumns) -> str:
    """SQL for a checked pattern. To Go a dot is no newline; to the engine it is."""
    return columns.bind(f"(?-s){pattern}")
