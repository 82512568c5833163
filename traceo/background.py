"""Work that goes on beside the servers: disk guard, service edges, sampling, scraping, leases. `app.py` starts it."""

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import Engine

from traceo.cardinality.limits import SeriesGuard
from traceo.cardinality.usage import MetricUsage
from traceo.catalog.edges import roll_edges_forever
from traceo.config import Config
from traceo.disk import DiskGuard
from traceo.errors import StoreUnavailable
from traceo.policies.file import PolicyFile
from traceo.policies.rounds import SamplingRounds
from traceo.policies.service import PolicyService
from traceo.sampling.sampler import Sampler
from traceo.scraping.loop import Write
from traceo.scraping.scraper import Scraper
from traceo.state.leases import Lease
from traceo.store.base import Store

SAMPLING, SCRAPING = "sampling", "scraping"


@dataclass(frozen=True, slots=True)
class Background:
    """Everything that has a loop of its own."""

    store: Store
    disk: DiskGuard
    policy_file: PolicyFile
    sampler: Sampler
    scraper: Scraper
    sampling_lease: Lease
    scraping_lease: Lease
    usage: MetricUsage
    guard: SeriesGuard


def make_background(
    config: Config,
    state: Engine,
    store: Store,
    disk: DiskGuard,
    policies: PolicyService,
    write: Write,
    usage: MetricUsage,
    guard: SeriesGuard,
) -> Background:
    """Nothing runs yet; files are loaded. `write` takes what is scraped, as remote-write requests.

    Raises ConfigError when a file is wrong, StoreUnavailable.
    """
    policy_file = PolicyFile(policies, config.sampling.policy_file)
    policy_file.load()
    sampler = Sampler(store, SamplingRounds(state), policies.judging)
    holder = f"{socket.gethostname()} {uuid.uuid4().hex}"
    scraping_lease = Lease(state, SCRAPING, holder, config.scrape.lease_ttl)
    scraper = Scraper(config.scrape.config_file, write, scraping_lease.is_held)
    scraper.load()
    sampling_lease = Lease(state, SAMPLING, holder, config.sampling.lease_ttl)
    return Background(store, disk, policy_file, sampler, scraper, sampling_lease, scraping_lease, usage, guard)


@contextlib.asynccontextmanager
async def run_background(background: Background) -> AsyncIterator[None]:
    """As long as the block lasts; then another replica may take over at once."""
    leases = [background.sampling_lease]
    loops = [
        background.disk.watch(),
        roll_edges_forever(background.store),
        background.policy_file.watch(),
        background.usage.flush_forever(),
        background.guard.watch(),
        background.sampler.run_forever(background.sampling_lease.is_held),
    ]
    if background.scraper.path:
        leases.append(background.scraping_lease)
        loops.append(background.scraper.run_forever())
    loops += [lease.renew_forever() for lease in leases]
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for lease in leases:
            with contextlib.suppress(StoreUnavailable):
                await asyncio.to_thread(lease.release)
