"""Plain JSON values into frozen dataclasses, so that every mistake is told with its dotted path and what was expected.

A field's type says what is read (text, number, choice, list, another dataclass); `rule()` adds its limits.
"""

import dataclasses
import difflib
import math
import re
import types
import typing
import unicodedata
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from traceo.errors import InvalidRequest

T = TypeVar("T")
SHOWN = 60  # characters of a wrong value


def rule(
    default: Any = dataclasses.MISSING,
    *,
    least: float | None = None,
    most: float | None = None,
    lines: bool = False,
    matches: str = "",
    expected: str = "",
) -> Any:
    """A field with limits: of numbers the value's, of texts and lists the length's. `lines`: a text of several.

    `matches`: what a text must match as a whole; `expected` says so in words. Without a default it must be given.
    """
    limits = {"least": least, "most": most, "lines": lines, "matches": matches, "expected": expected}
    return dataclasses.field(default=default, metadata=limits)


def read(kind: type[T], value: Any, path: str = "") -> T:
    """A dataclass of this kind. Raises InvalidRequest with the path of what is wrong."""
    if not isinstance(value, Mapping):
        _fail(path, f"expected an object, got {_shown(value)}")
    hints = _hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in value:
        if name not in fields:
            near = difflib.get_close_matches(str(name), fields, 1)
            _fail(_at(path, str(name)[:SHOWN]), "unknown field" + (f", did you mean {near[0]}?" if near else ""))
    given = {}
    for name, field in fields.items():
        if name in value:
            given[name] = _read_value(hints[name], value[name], _at(path, name), field.metadata)
        elif field.default is dataclasses.MISSING:
            _fail(_at(path, name), "is missing")
    return kind(**given)


def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read_value(kind: Any, value: Any, path: str, limits: Mapping[str, Any]) -> Any:
    origin = typing.get_origin(kind)
    if origin is types.UnionType:  # of something and None
        return None if value is None else _read_value(typing.get_args(kind)[0], value, path, limits)
    if origin is typing.Literal:
        return _read_choice(typing.get_args(kind), value, path)
    if origin is tuple:
        return _read_list(typing.get_args(kind)[0], value, path, limits)
    if dataclasses.is_dataclass(kind):
        return read(kind, value, path)  # type: ignore[arg-type]
    return READERS[kind](value, path, limits)


def _read_choice(choices: tuple[Any, ...], value: Any, path: str) -> Any:
    if value not in choices or isinstance(value, bool):
        near = difflib.get_close_matches(str(value), [str(choice) for choice in choices], 1)
        hint = f", did you mean {near[0]}?" if near else ""
        _fail(path, f"expected one of {', '.join(map(str, choices))}, got {_shown(value)}{hint}")
    return value


def _read_list(kind: Any, value: Any, path: str, limits: Mapping[str, Any]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        _fail(path, f"expected a list, got {_shown(value)}")
    most = limits.get("most")
    if most is not None and len(value) > most:
        _fail(path, f"there are {len(value)}; {most} is the most")
    items = {**limits, "least": None, "most": 200}
    return tuple(_read_value(kind, item, f"{path}[{index}]", items) for index, item in enumerate(value))


def _read_text(value: Any, path: str, limits: Mapping[str, Any]) -> str:
    if not isinstance(value, str):
        _fail(path, f"expected a text, got {_shown(value)}")
    least, most = limits.get("least") or 0, limits.get("most") or 200
    if not least <= len(value) <= most:
        _fail(path, f"it has {len(value)} characters; {least:.0f} to {most:.0f} are possible")
    if not is_text(value, bool(limits.get("lines"))):
        _fail(path, "it has control characters")
    matches = limits.get("matches")
    if matches and not re.fullmatch(matches, value):
        _fail(path, f"expected {limits['expected']}, got {_shown(value)}")
    return value


def is_text(text: str, lines: bool = False) -> bool:
    """Whether it can be stored and shown: no control characters but, with `lines`, tabs and line breaks."""
    allowed = "\n\r\t" if lines else ""
    return all(char in allowed or unicodedata.category(char) not in ("Cc", "Cs") for char in text)


def _read_number(value: Any, path: str, limits: Mapping[str, Any]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        _fail(path, f"expected a number, got {_shown(value)}")
    least, most = limits.get("least"), limits.get("most")
    if (least is not None and value < least) or (most is not None and value > most):
        _fail(path, f"expected {least:g} to {most:g}, got {_shown(value)}")
    return value


def _read_whole(value: Any, path: str, limits: Mapping[str, Any]) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        _fail(path, f"expected a whole number, got {_shown(value)}")
    return int(_read_number(value, path, limits))


def _read_flag(value: Any, path: str, _: Mapping[str, Any]) -> bool:
    if not isinstance(value, bool):
        _fail(path, f"expected true or false, got {_shown(value)}")
    return value


READERS: dict[Any, Any] = {str: _read_text, float: _read_number, int: _read_whole, bool: _read_flag}


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return "a list" if isinstance(value, list | tuple) else "an object"
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _fail(path: str, problem: str) -> NoReturn:
    raise InvalidRequest(f"{path}: {problem}" if path else problem)
