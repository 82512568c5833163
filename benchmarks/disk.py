"""What the embedded engine keeps on disk, read from the names of its folders.

A part is a folder `<partition>_<first block>_<last block>_<level>[_<mutation>]`. Merged parts stay for some minutes
beside the part that replaced them, which spans their blocks: those do not count, nor do folders of merges under way
(`tmp_`).
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

PART = re.compile(r"(?P<partition>[^_]+)_(?P<first>\d+)_(?P<last>\d+)_(?P<level>\d+)(?:_(?P<mutation>\d+))?")


class Part(NamedTuple):
    """A part's name, taken apart."""

    partition: str
    first: int
    last: int
    level: int
    mutation: int

    def replaces(self, other: "Part") -> bool:
        """Whether everything of the other is in this one."""
        return (
            self != other
            and self.partition == other.partition
            and self.first <= other.first
            and other.last <= self.last
            and (self.level, self.mutation) >= (other.level, other.mutation)
        )


def active_bytes(store: Path) -> dict[str, int]:
    """Sizes of all files of active parts, by table."""
    return {table.name: _table_bytes(table) for table in sorted((store / "data" / "default").iterdir())}


def merging(store: Path) -> bool:
    """Whether a merge is writing somewhere."""
    return any(name.startswith("tmp_") for table in (store / "data" / "default").iterdir() for name in _names(table))


def _table_bytes(table: Path) -> int:
    parts = {_parse_part(found): table / found[0] for name in _names(table) if (found := PART.fullmatch(name))}
    active = [path for part, path in parts.items() if not any(other.replaces(part) for other in parts)]
    return sum(_folder_bytes(path) for path in active)


def _parse_part(found: re.Match[str]) -> Part:
    first, last, level, mutation = (int(found[name] or 0) for name in ("first", "last", "level", "mutation"))
    return Part(found["partition"], first, last, level, mutation)


def _names(table: Path) -> list[str]:
    try:
        return os.listdir(table)
    except FileNotFoundError:
        return []


def _folder_bytes(folder: Path) -> int:
    """0 for a folder that goes away meanwhile."""
    try:
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    except FileNotFoundError:
        return 0
