"""Labels of Loki's streams: whether their text is one that the engine takes apart, and if not, one that it does.

A text is looked at once: senders repeat theirs with every request.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from traceo.query.promql.quoting import unquote

# Loki's own limits by default, but of the number of names (15), which OpenTelemetry's resources exceed.
MAX_NAMES, MAX_NAME, MAX_VALUE = 100, 1024, 2048
KNOWN_TEXTS = 50_000
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
BLANK = re.compile(r"\s*")
PAIR = rb'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\["\\])+"'
# What schema/161_loki_streams_view.sql reads.
PLAIN = re.compile(rb"\{%(pair)s(?:, ?%(pair)s)*\}" % {b"pair": PAIR})


@dataclass(frozen=True, slots=True)
class StreamLabels:
    """The text for the engine, or else `problem`: why the stream is refused."""

    text: bytes = b""
    problem: str = ""


@lru_cache(KNOWN_TEXTS)
def read_labels(text: bytes) -> StreamLabels:
    """Judge the text of a stream's labels, such as `{app="shop", env="prod"}`."""
    shown = text[:MAX_VALUE].decode("utf-8", "replace")
    try:
        text.decode()
        pairs = _parse(text.decode("latin-1"))
    except UnicodeDecodeError as error:
        return StreamLabels(problem=f"Error parsing labels '{shown}' with error: byte {error.start} is no UTF-8")
    except _Unreadable as error:
        return StreamLabels(problem=f"Error parsing labels '{shown}' with error: {error}")
    if problem := _find_problem(pairs, shown):
        return StreamLabels(problem=problem)
    return StreamLabels(text if PLAIN.fullmatch(text) else write_labels(dict(pairs)))


def write_labels(labels: dict[str, str]) -> bytes:
    """Labels as the engine takes them apart; those without a value are none."""
    pairs = (f'{name}="{_escape(value)}"' for name, value in sorted(labels.items()) if value)
    return f"{{{', '.join(pairs)}}}".encode()


class _Unreadable(Exception):
    def __init__(self, text: str, at: int, message: str) -> None:
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        super().__init__(f"{line}:{column}: parse error: {message}")


def _parse(text: str) -> list[tuple[str, str]]:
    """Names and values; the text, in bytes as Latin-1, says `{name="value", ...}` with Go's three kinds of quotes."""
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise _Unreadable(text, at, 'unexpected character: labels begin with "{"')
    pairs: list[tuple[str, str]] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        pair, at = _parse_pair(text, at)
        pairs.append(pair)
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "}":
            raise _Unreadable(text, at, f'unexpected {_show(text, at)}, expected "," or "}}"')
    end = _skip(text, at + 1)
    if end < len(text):
        raise _Unreadable(text, end, f"unexpected {_show(text, end)} after the labels")
    return pairs


def _parse_pair(text: str, at: int) -> tuple[tuple[str, str], int]:
    name = NAME.match(text, at)
    if name is None:
        raise _Unreadable(text, at, f'unexpected {_show(text, at)}, expected a label name or "}}"')
    at = _skip(text, name.end())
    if text[at : at + 1] != "=" or text[at + 1 : at + 2] in ("~", "="):
        raise _Unreadable(text, at, f'unexpected {_show(text, at)} after a label name, expected "="')
    at = _skip(text, at + 1)
    if text[at : at + 1] not in ('"', "'", "`") or at >= len(text):
        raise _Unreadable(text, at, f"unexpected {_show(text, at)}, expected a value in quotes")
    value, end, problem = unquote(text, at)
    if problem:
        raise _Unreadable(text, end, problem)
    return (name.group(), value), end


def _find_problem(pairs: list[tuple[str, str]], shown: str) -> str:
    names = [name for name, _ in pairs]
    if not any(value for _, value in pairs):
        return "error at least one label pair is required per stream"
    if len(names) > MAX_NAMES:
        return f"entry for stream '{shown}' has {len(names)} label names; limit {MAX_NAMES}"
    if twice := next((name for place, name in enumerate(names) if name in names[:place]), ""):
        return f"stream '{shown}' has duplicate label name: '{twice}'"
    if long := next((name for name in names if len(name) > MAX_NAME), ""):
        return f"stream '{shown}' has label name too long: '{long[:MAX_NAME]}...'"
    if long := next((value for _, value in pairs if len(value.encode("utf-8", "surrogateescape")) > MAX_VALUE), ""):
        return f"stream '{shown}' has label value too long: '{long[:MAX_NAME]}...'"
    if any(not _is_text(value) for _, value in pairs):
        return f"Error parsing labels '{shown}' with error: a value is no UTF-8"
    return ""


def _is_text(value: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _skip(text: str, at: int) -> int:
    found = BLANK.match(text, at)
    return found.end() if found else at


def _show(text: str, at: int) -> str:
    return f"character {text[at].encode('latin-1').decode('utf-8', 'replace')!r}" if at < len(text) else "end of input"
