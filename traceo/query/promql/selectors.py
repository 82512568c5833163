"""Label matchers: what they match, and SQL for them over `label_sets`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import re2

from traceo.query.promql.ast import Matcher
from traceo.query.promql.quoting import quote
from traceo.query.sql import Scope

OPTIONS = re2.Options()
OPTIONS.log_errors = False
LITERAL = re.compile(r"[\w \-/:,;@#%&=<>'\"~!]*(?:\\\.[\w \-/:,;@#%&=<>'\"~!]*)*", re.ASCII)


def is_label_name(name: str) -> bool:
    """Whether it may name a label: any text in UTF-8 that is not empty."""
    return name != "" and not any("\ud800" <= char <= "\udfff" for char in name)


def check_matcher(matcher: Matcher) -> str:
    """What is wrong with it, in Prometheus' words; empty: nothing."""
    if not is_label_name(matcher.name):
        return f"invalid label name {quote(matcher.name)}"
    if matcher.op in ("=~", "!~"):
        try:
            compile_pattern(matcher.value)
        except UnicodeEncodeError:
            return f"error parsing regexp: invalid UTF-8: {quote(matcher.value[:200])}"
        except re2.error as error:
            detail = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
            detail = detail.split(": ")[0].replace("missing )", "missing closing )")
            return f"error parsing regexp: {detail[:200]}: `^(?s:{matcher.value[:200]})$`"
    return ""


def matches(matcher: Matcher, value: str) -> bool:
    """Whether a label's value (empty: there is no such label) satisfies the matcher."""
    if matcher.op in ("=", "!="):
        return (matcher.value == value) == (matcher.op == "=")
    return (compile_pattern(matcher.value).fullmatch(value) is not None) == (matcher.op == "=~")


def condition(scope: Scope, matchers: Sequence[Matcher]) -> list[str]:
    """SQL conditions over `label_sets`: all matchers hold. A metric's name is `__name__`."""
    return [_condition(scope, matcher) for matcher in matchers]


def _condition(scope: Scope, matcher: Matcher) -> str:
    column = "metric" if matcher.name == "__name__" else f"labels[{scope.bind(_bytes(matcher.name))}]"
    negation = "NOT " if matcher.op.startswith("!") else ""
    if matcher.op in ("=", "!="):
        return f"{negation}{column} = {scope.bind(_bytes(matcher.value))}"
    alternatives = _literals(matcher.value)
    if alternatives is not None:
        return f"{negation}{column} IN ({', '.join(scope.bind(text) for text in alternatives)})"
    return f"{negation}match({column}, {scope.bind(f'^(?s:{matcher.value})$')})"


def _bytes(text: str) -> bytes:
    """As the engine holds it; what is no UTF-8 is there as it was sent."""
    return text.encode("utf-8", "surrogateescape")


def _literals(pattern: str) -> list[str] | None:
    """The texts that a pattern like `a|b|c` matches; None for one that is more than a list."""
    inner = pattern[1:-1] if pattern.startswith("(") and pattern.endswith(")") else pattern
    parts = inner.split("|")
    if all(LITERAL.fullmatch(part) for part in parts):
        return [part.replace("\\.", ".") for part in parts]
    return None


def compile_pattern(pattern: str) -> re2._Regexp:
    """A regular expression of PromQL, to be matched against whole texts. Raises re2.error, UnicodeEncodeError."""
    return re2.compile(f"(?s:{pattern})", OPTIONS)
