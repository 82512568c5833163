"""YAML read field by field, so that every mistake is told with its line, its path and the nearest known name."""

import difflib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, TypeVar

import yaml

from traceo.errors import ConfigError

T = TypeVar("T")
Read = Callable[[yaml.Node, str], T]

DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
DURATION_SECONDS = (365 * 86400.0, 7 * 86400.0, 86400.0, 3600.0, 60.0, 1.0, 0.001)
SIZE = re.compile(r"(\d+)([KMGTPE]i?)?B", re.ASCII)
NOTHING = "tag:yaml.org,2002:null"


def parse_document(text: str) -> yaml.Node | None:
    """The root of one YAML document, None if it is empty. Raises ConfigError."""
    try:
        return yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"not valid YAML: {error}") from error


def fail(node: yaml.Node, path: str, problem: str) -> NoReturn:
    """Raises ConfigError with the node's line and column, counted from 1."""
    mark = node.start_mark
    where = f"{path}: " if path else ""
    raise ConfigError(f"line {mark.line + 1}, column {mark.column + 1}: {where}{problem}")


def _read_mapping(node: yaml.MappingNode, path: str) -> dict[str, yaml.Node]:
    """Name -> value, with what `<<` brings, which gives way to the mapping's own fields."""
    own: set[str] = set()
    for key, _ in node.value:
        if _name(key, path) in own:
            fail(key, f"{path}.{key.value}" if path else key.value, "given twice")
        own.add(key.value)
    yaml.constructor.SafeConstructor().flatten_mapping(node)
    pairs = {_name(key, path): (key, value) for key, value in node.value}
    node.value = list(pairs.values())  # an alias of it is read again
    return {name: value for name, (_, value) in pairs.items()}


def _name(key: yaml.Node, path: str) -> str:
    if not isinstance(key, yaml.ScalarNode):
        fail(key, path, "expected a field's name")
    return str(key.value)


class Fields:
    """One mapping. Its fields are taken by name; `finish` refuses those that nobody took.

    `base`: the folder that relative file names start from.
    """

    def __init__(self, node: yaml.Node, path: str, base: Path) -> None:
        if not isinstance(node, yaml.MappingNode):
            fail(node, path, "expected a mapping of fields")
        self.node, self.path, self.base = node, path, base
        self._known: list[str] = []
        self._given = _read_mapping(node, path)

    def at(self, name: str) -> str:
        """The path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Whether the field was given a value."""
        return name in self._given and self._given[name].tag != NOTHING

    def take(self, name: str, read: Read[T], default: T) -> T:
        """The field's value, or `default` where it is missing or null."""
        self._known.append(name)
        return read(self._given[name], self.at(name)) if self.has(name) else default

    def need(self, name: str, read: Read[T]) -> T:
        """The field's value. Raises ConfigError when it is missing."""
        self._known.append(name)
        if not self.has(name):
            fail(self.node, self.path, f"{name} is missing")
        return read(self._given[name], self.at(name))

    def text(self, name: str, default: str = "") -> str:
        """A text."""
        return self.take(name, read_text, default)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return self.take(name, TEXTS, ())

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        return self.take(name, read_bool, default)

    def duration(self, name: str, default: float = 0.0) -> float:
        """Seconds."""
        return self.take(name, read_duration, default)

    def ignore(self, *names: str) -> None:
        """Take fields that have no effect."""
        self._known += names

    def file(self, name: str) -> str:
        """A file's name, made absolute; "" if it is missing."""
        found = self.take(name, read_text, "")
        return str((self.base / Path(found).expanduser()).absolute()) if found else ""

    def refuse(self, name: str, problem: str) -> None:
        """Raises ConfigError if the field was given."""
        if self.has(name):
            fail(self._given[name], self.at(name), problem)

    def fail(self, problem: str) -> NoReturn:
        """Raises ConfigError about the mapping as a whole."""
        fail(self.node, self.path, problem)

    def finish(self, unsupported: Mapping[str, str] | None = None) -> None:
        """Raises ConfigError for a field that nobody took; `unsupported`: names that Prometheus knows, and why not."""
        for name, value in self._given.items():
            if name in self._known:
                continue
            if unsupported and name in unsupported:
                fail(value, self.at(name), f"not supported: {unsupported[name]}")
            near = difflib.get_close_matches(name, self._known, 1)
            fail(value, self.at(name), "unknown field" + (f", did you mean {near[0]}?" if near else ""))


def _scalar(node: yaml.Node, path: str, what: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        fail(node, path, f"expected {what}")
    return str(node.value)


def read_text(node: yaml.Node, path: str) -> str:
    """Any scalar, as it is written."""
    return "" if node.tag == NOTHING else _scalar(node, path, "a text")


def read_bool(node: yaml.Node, path: str) -> bool:
    """`true` or `false`."""
    text = _scalar(node, path, "true or false")
    if node.tag != "tag:yaml.org,2002:bool":
        fail(node, path, f"expected true or false, got {text!r}")
    return text.lower() in ("true", "yes", "on")


def read_count(node: yaml.Node, path: str) -> int:
    """A whole number that is not negative."""
    text = _scalar(node, path, "a whole number")
    if not re.fullmatch(r"[0-9]+", text):
        fail(node, path, f"expected a whole number, got {text!r}")
    return int(text)


def parse_duration(text: str) -> float | None:
    """Prometheus' durations (`1m30s`, `15s`, `0`) in seconds; None if it is none."""
    match = DURATION.fullmatch(text)
    if text == "0":
        return 0.0
    if not match or not text:
        return None
    return sum(int(count) * unit for count, unit in zip(match.groups(), DURATION_SECONDS, strict=True) if count)


def read_duration(node: yaml.Node, path: str) -> float:
    """Seconds."""
    text = _scalar(node, path, "a duration such as 15s")
    seconds = parse_duration(text)
    if seconds is None:
        fail(node, path, f"expected a duration such as 15s or 1m30s, got {text!r}")
    return seconds


def read_size(node: yaml.Node, path: str) -> int:
    """Bytes, in units of 1024 as Prometheus counts them (`10MB` is 10 MiB); 0: no limit."""
    text = _scalar(node, path, "a size such as 10MB")
    match = SIZE.fullmatch(text)
    if text == "0":
        return 0
    if not match:
        fail(node, path, f"expected a size such as 10MB, got {text!r}")
    return int(match[1]) << (10 * (1 + "KMGTPE".index(match[2][0])) if match[2] else 0)


def read_list(read: Read[T]) -> Read[tuple[T, ...]]:
    """A reader of lists, from one of their items."""

    def read_items(node: yaml.Node, path: str) -> tuple[T, ...]:
        if not isinstance(node, yaml.SequenceNode):
            fail(node, path, "expected a list")
        return tuple(read(item, f"{path}[{index}]") for index, item in enumerate(node.value))

    return read_items


def read_map(read: Read[T]) -> Read[dict[str, T]]:
    """A reader of mappings with any names, from one of their values."""

    def read_values(node: yaml.Node, path: str) -> dict[str, T]:
        if not isinstance(node, yaml.MappingNode):
            fail(node, path, "expected a mapping")
        values: dict[str, T] = {}
        for key, value in node.value:
            name = read_text(key, path)
            if name in values:
                fail(key, f"{path}.{name}", "given twice")
            values[name] = read(value, f"{path}.{name}")
        return values

    return read_values


def read_choice(*choices: str) -> Read[str]:
    """A reader of one of some words."""

    def read_word(node: yaml.Node, path: str) -> str:
        text = read_text(node, path)
        if text not in choices:
            fail(node, path, f"expected one of {', '.join(choices)}, got {text!r}")
        return text

    return read_word


TEXTS: Read[tuple[str, ...]] = read_list(read_text)
