"""`file_sd_configs`: groups of targets in JSON or YAML files, read again when they change."""

import asyncio
import glob
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from traceo.errors import ConfigError
from traceo.scraping.discovery.groups import Group, Put, parse_groups
from traceo.yamltree import TEXTS, Fields

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 2.0
ENDINGS = (".json", ".yml", ".yaml")

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class FileTargets:
    """Glob patterns, absolute. Changes are seen within LOOK_EVERY_S."""

    patterns: tuple[str, ...]

    async def run(self, put: Put) -> None:
        """A file that cannot be read keeps the groups that it had; one that is gone loses them."""
        known: dict[str, tuple[Stamp, list[Group]]] = {}
        while True:
            found = await asyncio.to_thread(self._look, known)
            if found != known or not known:
                known = found
                put([group for _, groups in known.values() for group in groups])
            await asyncio.sleep(LOOK_EVERY_S)

    def _look(self, known: dict[str, tuple[Stamp, list[Group]]]) -> dict[str, tuple[Stamp, list[Group]]]:
        found = {}
        for path in self._paths():
            try:
                stamp = _stamp(path)
            except OSError:
                continue  # gone since the folder was read
            before = known.get(path, (stamp, []))
            found[path] = before if path in known and before[0] == stamp else (stamp, _read(path, before[1]))
        return found

    def _paths(self) -> Iterator[str]:
        for pattern in self.patterns:
            yield from sorted(glob.glob(pattern))


def _stamp(path: str) -> Stamp:
    found = Path(path).stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: str, before: list[Group]) -> list[Group]:
    try:
        text = Path(path).read_text(encoding="utf-8")
        return parse_groups(text, path, {"__meta_filepath": path}, is_json=path.endswith(".json"))
    except (OSError, UnicodeDecodeError, ConfigError) as error:
        logger.warning("%s: targets were not read, the known ones stay: %s", path, error)
        return before


def read_files(fields: Fields) -> FileTargets:
    """Raises ConfigError."""
    patterns = fields.need("files", TEXTS)
    fields.duration("refresh_interval")  # changes are seen sooner than any of these
    fields.finish()
    for pattern in patterns:
        if not pattern.endswith(ENDINGS) or "*" in Path(pattern).parent.as_posix():
            fields.fail(f"{pattern!r}: expected the path of .json, .yml or .yaml files, with * in the last part only")
    return FileTargets(tuple(str((fields.base / pattern).absolute()) for pattern in patterns))
