"""A look at a configuration without scraping: which targets its jobs would have."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from traceo.scraping.config import ScrapeConfig
from traceo.scraping.discovery.groups import Group, Put
from traceo.scraping.target import Found, make_targets


@dataclass(frozen=True, slots=True)
class Checked:
    """A job's targets. `silent`: how many kinds of discovery had not answered yet."""

    config: ScrapeConfig
    found: Found
    silent: int


async def find_targets(configs: Sequence[ScrapeConfig], wait_s: float) -> list[Checked]:
    """Ask all discovery of some jobs once, for at most so many seconds."""
    return list(await asyncio.gather(*[_find(config, wait_s) for config in configs]))


async def _find(config: ScrapeConfig, wait_s: float) -> Checked:
    groups: dict[int, Sequence[Group]] = {}
    complete = asyncio.Event()

    def put_of(index: int) -> Put:
        def put(found: Sequence[Group]) -> None:
            groups[index] = found
            if len(groups) == len(config.providers):
                complete.set()

        return put

    tasks = [asyncio.create_task(provider.run(put_of(index))) for index, provider in enumerate(config.providers)]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s if tasks else 0):
            await complete.wait()
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    found = make_targets(config, [group for part in groups.values() for group in part])
    found.problems += [str(end) for end in ends if isinstance(end, Exception)]
    return Checked(config, found, len(config.providers) - len(groups))
