"""JSON that others wrote, read leniently: nothing in it may stop what can be taken; and the report on the rest."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from traceo.dashboards.reading import is_text

MAX_NOTES = 500


@dataclass(frozen=True, slots=True)
class ImportNote:
    """Something that was left out or changed: where it stands, in or of what, and why."""

    place: str
    about: str
    why: str


@dataclass(slots=True)
class Report:
    """Notes in the order in which they were made."""

    notes: list[ImportNote] = field(default_factory=list)

    def add(self, place: str, about: str, why: str) -> None:
        """One more, unless there are so many that nobody reads them."""
        note = ImportNote(place, about[:200], why)
        if len(self.notes) < MAX_NOTES and note not in self.notes:
            self.notes.append(note)


class Foreign:
    """One object and its place. What is missing or of another type than expected counts as empty."""

    def __init__(self, value: Any, place: str = "") -> None:
        self.value: dict[str, Any] = value if isinstance(value, dict) else {}
        self.place = place

    def __bool__(self) -> bool:
        return bool(self.value)

    def at(self, name: str) -> str:
        """The place of a field."""
        return f"{self.place}.{name}" if self.place else name

    def text(self, name: str, most: int = 200) -> str:
        """A text on one line; numbers count as texts. What is too long is cut."""
        return " ".join(self.lines(name, most).split("\n"))

    def lines(self, name: str, most: int = 10_000) -> str:
        """A text of several lines."""
        found = self.value.get(name)
        if isinstance(found, int | float) and not isinstance(found, bool):
            return f"{found:g}"
        if not isinstance(found, str):
            return ""
        return "".join(char for char in found if is_text(char, lines=True))[:most].replace("\r", "")

    def number(self, name: str) -> float | None:
        """A finite number, also one in a text."""
        found = self.value.get(name)
        try:
            number = float(found) if isinstance(found, int | float | str) and not isinstance(found, bool) else None
        except (ValueError, OverflowError):
            return None
        return number if number is not None and math.isfinite(number) else None

    def flag(self, name: str) -> bool:
        """Whether it is true."""
        return self.value.get(name) is True

    def node(self, *names: str) -> "Foreign":
        """An object below it."""
        found = self
        for name in names:
            found = Foreign(found.value.get(name), found.at(name))
        return found

    def nodes(self, name: str) -> Iterator["Foreign"]:
        """The objects of a list below it."""
        found = self.value.get(name)
        for index, item in enumerate(found if isinstance(found, list) else []):
            if isinstance(item, dict):
                yield Foreign(item, f"{self.at(name)}[{index}]")

    def texts(self, name: str) -> list[str]:
        """The texts of a list below it, or the one that stands in its place."""
        found = self.value.get(name)
        items = found if isinstance(found, list) else [found]
        return [text for item in items if (text := Foreign({"": item}).text(""))]
