"""How a tree of frozen dataclasses becomes settings: text to values, layers to a tree, a tree to rows.

Generic machinery: it does not know which settings exist (`traceo.config` does). A setting is a dataclass field made by
`setting()`; a section is a field whose type is a dataclass. Every error names the setting's path and where it was set.
"""

import dataclasses
import difflib
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NewType, TypeVar, cast, get_args, get_origin, get_type_hints

from traceo.errors import ConfigError

Bytes = NewType("Bytes", int)
Seconds = NewType("Seconds", float)
Secret = NewType("Secret", str)
Url = NewType("Url", str)  # may hold a password: shown without it

BYTE_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
SECOND_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", re.ASCII)
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")

Section = TypeVar("Section")


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the reference: a setting's dotted path, its type and what its field says about it."""

    path: str
    type: Any
    default: str
    text: str
    unit: str
    restart: bool
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class Given:
    """A value as somebody wrote it, and where: a file's name, an environment variable, a flag."""

    value: object
    source: str


def setting(
    default: object,
    text: str,
    *,
    unit: str = "",
    restart: bool = True,
    minimum: float | None = None,
    maximum: float | None = None,
    hidden: bool = False,
    default_text: str = "",
) -> Any:
    """One setting: `default` (a value, or a function that makes one) and one line of help, written for the operator.

    `unit` is for plain numbers, `restart=False` says that a reload is enough, `hidden` keeps the value out of `repr`,
    `default_text` is what the reference shows for a default that differs between machines.
    """
    metadata = {"text": text, "unit": unit, "restart": restart, "minimum": minimum, "maximum": maximum}
    metadata["default_text"] = default_text
    if callable(default):
        return field(default_factory=default, metadata=metadata, repr=not hidden)
    return field(default=default, metadata=metadata, repr=not hidden)


def walk_settings(section: type, prefix: str = "") -> Iterator[Setting]:
    """Every setting below a section, in the order of the source."""
    hints = get_type_hints(section)
    for item in dataclasses.fields(section):
        path, hint = f"{prefix}{item.name}", hints[item.name]
        if dataclasses.is_dataclass(hint):
            yield from walk_settings(cast(type, hint), f"{path}.")
            continue
        meta = dict(item.metadata)
        shown = meta.pop("default_text") or show_value(hint, item.default)
        yield Setting(path=path, type=hint, default=shown, **meta)


def build_tree(section: type[Section], given: Mapping[str, Given], prefix: str = "") -> Section:
    """A section from values by dotted path; what is not given keeps its default."""
    hints = get_type_hints(section)
    values: dict[str, object] = {}
    for item in dataclasses.fields(cast(Any, section)):
        path, hint = f"{prefix}{item.name}", hints[item.name]
        if dataclasses.is_dataclass(hint):
            values[item.name] = build_tree(cast(type, hint), given, f"{path}.")
        elif path in given:
            values[item.name] = _parse_setting(path, hint, item.metadata, given[path])
    return section(**values)


def flatten(tree: Mapping[object, object], sections: set[str], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Nested mappings as (dotted path, value). Only sections are entered, so that a mistyped one is named itself."""
    for name, value in tree.items():
        path = f"{prefix}{name}"
        if path not in sections:
            yield path, value
        elif isinstance(value, Mapping):
            yield from flatten(value, sections, f"{path}.")
        elif value is not None:
            raise ConfigError(f"{path} is a section: expected settings below it, got {value!r}")


def check_known(path: str, known: list[str], source: str) -> None:
    """Refuse a path that is no setting, naming the nearest setting or section."""
    if path in known:
        return
    sections = {name.rpartition(".")[0] for name in known} - {""}
    near = difflib.get_close_matches(path, [*known, *sections], n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ConfigError(f"unknown setting {path} in {source}{hint}")


def dump_tree(section: Any) -> dict[str, object]:
    """A tree as nested plain values for printing; secrets and passwords in URLs are masked."""
    hints = get_type_hints(type(section))
    shown: dict[str, object] = {}
    for item in dataclasses.fields(section):
        value, hint = getattr(section, item.name), hints[item.name]
        shown[item.name] = dump_tree(value) if dataclasses.is_dataclass(hint) else _plain(hint, value)
    return shown


def show_value(kind: Any, value: object) -> str:
    """A value as one would write it in `traceo.yaml`; masked where it is a secret."""
    plain = _plain(kind, value)
    return ", ".join(plain) if isinstance(plain, list) else str(plain)


def parse_bytes(value: object) -> Bytes:
    """`64MiB` (binary units only) or a whole number of bytes. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Bytes(value)
    if isinstance(value, str) and value.isdecimal():
        return Bytes(int(value))
    return Bytes(round(_parse_quantity(value, BYTE_UNITS, "a size such as 64MiB")))


def parse_seconds(value: object) -> Seconds:
    """`200ms`, `30s`, `5m`, `1h`, `30d`; a bare number is refused, except 0. Raises ValueError."""
    if value in (0, "0") and not isinstance(value, bool):
        return Seconds(0.0)
    return Seconds(_parse_quantity(value, SECOND_UNITS, "a duration with its unit, such as 200ms, 30s or 7d"))


def redact_url(url: str) -> str:
    """A URL without its password."""
    parts = urllib.parse.urlsplit(url)
    if parts.password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.split(':')[0]}:***@{host}").geturl()


def _parse_quantity(value: object, units: Mapping[str, float], expected: str) -> float:
    match = QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2] not in units:
        raise ValueError(f"{expected} (units: {', '.join(units)})")
    return float(match[1]) * units[match[2]]


def _parse_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("text (put it in quotes)")
    return value


def _parse_int(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
        return int(value)
    raise ValueError("a whole number")


def _parse_float(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        return float(value)
    raise ValueError("a number")


def _parse_bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in TRUE + FALSE:
        return value.lower() in TRUE
    raise ValueError("true or false")


def _parse_texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return tuple(value)
    raise ValueError("a list of texts")


def _parse_path(value: object) -> Path:
    text = _parse_text(value)
    if not text:
        raise ValueError("a path")
    return Path(text).expanduser()


PARSERS: Mapping[Any, Any] = {
    Bytes: parse_bytes,
    Seconds: parse_seconds,
    Secret: _parse_text,
    Url: _parse_text,
    str: _parse_text,
    int: _parse_int,
    float: _parse_float,
    bool: _parse_bool,
    Path: _parse_path,
    tuple[str, ...]: _parse_texts,
}


def _parse_setting(path: str, kind: Any, metadata: Mapping[str, Any], given: Given) -> object:
    """One value of the setting's type and within its bounds, or a ConfigError that names path, value and source."""
    try:
        value = _parse_choice(kind, given.value) if get_origin(kind) is Literal else PARSERS[kind](given.value)
        _check_bounds(kind, value, metadata["minimum"], metadata["maximum"])
    except ValueError as error:
        shown = "***" if kind in (Secret, Url) else repr(given.value)
        raise ConfigError(f"{path} in {given.source}: expected {error}, got {shown}") from None
    return value


def _parse_choice(kind: Any, value: object) -> object:
    choices = get_args(kind)
    if value not in choices:
        raise ValueError(f"one of {', '.join(choices)}")
    return value


def _check_bounds(kind: Any, value: Any, minimum: float | None, maximum: float | None) -> None:
    if minimum is not None and value < minimum:
        raise ValueError(f"at least {show_value(kind, minimum)}")
    if maximum is not None and value > maximum:
        raise ValueError(f"at most {show_value(kind, maximum)}")


def _plain(kind: Any, value: Any) -> object:
    """A value as plain text, number, bool or list, with the unit that its type implies."""
    if kind is Bytes:
        return _show_quantity(value, BYTE_UNITS)
    if kind is Seconds:
        return _show_quantity(value, SECOND_UNITS)
    if kind is Secret:
        return "***" if value else ""
    if kind is Url:
        return redact_url(value)
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def _show_quantity(value: float, units: Mapping[str, float]) -> str:
    """In the largest unit that leaves a whole number: 600MiB, 7d, 200ms; 0 needs none."""
    for unit, factor in sorted(units.items(), key=lambda item: item[1], reverse=True):
        count = value / factor
        if value and abs(count - round(count)) < 1e-9:
            return f"{round(count)}{unit}"
    return f"{value:g}"
