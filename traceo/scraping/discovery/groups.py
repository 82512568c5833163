"""Groups of targets, as every kind of discovery tells them."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import yaml

from traceo.errors import ConfigError
from traceo.yamltree import Fields, Read, parse_document, read_list, read_map, read_text

logger = logging.getLogger(__name__)
Labels = dict[str, str]
LABELS: Read[Labels] = read_map(read_text)
ADDRESS = "__address__"


@dataclass(frozen=True, slots=True)
class Group:
    """Targets with labels of their own, and labels that all of them share."""

    source: str
    targets: tuple[Labels, ...]
    labels: Labels = field(default_factory=dict)


Put = Callable[[Sequence[Group]], None]


class Provider(Protocol):
    """One entry of a `*_sd_configs`, or `static_configs`. Equal providers find the same."""

    async def run(self, put: Put) -> None:
        """Tell all groups, again after each change, until cancelled."""


def read_group(fields: Fields, source: str, extra: Labels) -> Group:
    """A group as static, file and HTTP discovery write it; `extra` labels are added. Raises ConfigError."""
    addresses = fields.texts("targets")
    labels: Labels = fields.take("labels", LABELS, {})
    fields.finish()
    for address in addresses:
        if not address:
            fields.fail("a target is empty")
    return Group(source, tuple({ADDRESS: address} for address in addresses), {**labels, **extra})


def parse_groups(text: str, source: str, extra: Labels, *, is_json: bool) -> list[Group]:
    """The groups of a file or an answer. Raises ConfigError."""
    if is_json:
        try:
            json.loads(text)
        except ValueError as error:
            raise ConfigError(f"not valid JSON: {error}") from error
    root = parse_document(text)
    if root is None:
        return []

    def read(node: yaml.Node, path: str) -> Group:
        return read_group(Fields(node, path, Path()), f"{source}:{path}", extra)

    return list(read_list(read)(root, ""))


async def refresh_forever(
    what: str, every_s: float, look: Callable[[], Awaitable[None]], *, problems: tuple[type[Exception], ...]
) -> None:
    """Call `look` again and again; one of `problems` is logged when it is new, and nothing else happens."""
    told = ""
    while True:
        try:
            await look()
            told = ""
        except problems as error:
            problem = f"{type(error).__name__}: {error}"
            if problem != told:
                logger.warning("%s: targets were not looked up, the known ones stay: %s", what, problem)
            told = problem
        await asyncio.sleep(every_s)
