"""`static_configs`: the targets stand in the configuration."""

import asyncio
from dataclasses import dataclass

from traceo.scraping.discovery.groups import Group, Put, read_group
from traceo.yamltree import Fields


@dataclass(frozen=True, slots=True)
class StaticTargets:
    """One group."""

    group: Group

    async def run(self, put: Put) -> None:
        """Tell it once."""
        put([self.group])
        await asyncio.Event().wait()


def read_static(fields: Fields) -> StaticTargets:
    """Raises ConfigError."""
    return StaticTargets(read_group(fields, fields.path, {}))
