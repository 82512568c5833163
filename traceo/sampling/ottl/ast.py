"""The tree of an OTTL condition; `position` is a 0-based offset into the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Constant: TypeAlias = str | int | float | bool | bytes | None


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number, bool, nil, byte slice, or an enum's number."""

    value: Constant
    position: int


@dataclass(frozen=True, slots=True)
class Path:
    """`resource.attributes["key"]`: names ("resource", "attributes"), keys ("key",)."""

    names: tuple[str, ...]
    keys: tuple[str | int, ...]
    position: int

    @property
    def text(self) -> str:
        """Its names, as written."""
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Call:
    """A converter: `IsMatch(name, "GET .*")`."""

    name: str
    arguments: tuple[Node, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Binary:
    """An operation: + - * / on numbers, == != < <= > >= on values, `and` and `or` on conditions."""

    operator: str
    left: Node
    right: Node
    position: int


@dataclass(frozen=True, slots=True)
class Negation:
    """`not` before a condition."""

    item: Node
    position: int


Node: TypeAlias = Literal | Path | Call | Binary | Negation
