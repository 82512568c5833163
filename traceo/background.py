"""Work that goes on beside the servers: disk guard, service edges, sampling, scraping, leases. `app.py` starts it."""

import asyncio
import contextlib
import logging
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Engine

from traceo.cardinality.limits import SeriesGuard
from traceo.cardinality.usage import MetricUsage
from traceo.catalog.edges import roll_edges_forever
from traceo.catalog.owner_file import OwnerFile
from traceo.config import Config
from traceo.disk import DiskGuard
from traceo.errors import StoreUnavailable
from traceo.logpatterns.miner import mine_forever
from traceo.policies.file import PolicyFile
from traceo.policies.rounds import SamplingRounds
from traceo.policies.service import PolicyService
from traceo.sampling.budgets import Terms
from traceo.sampling.exemplars import keep_exemplars_forever
from traceo.sampling.ledger import count_ledger_forever
from traceo.sampling.log_sampler import LogSampler
from traceo.sampling.sampler import Judging, Sampler
from traceo.sampling.steering import show_budgets
from traceo.scraping.loop import Write
from traceo.scraping.scraper import Scraper
from traceo.state.leases import Lease
from traceo.store.base import Store
from traceo.telemetry import Metrics, SamplingMetrics

logger = logging.getLogger(__name__)

SAMPLING, SCRAPING, PATTERNS = "sampling", "scraping", "log patterns"
PATTERNS_LEASE_S = 15.0


@dataclass(frozen=True, slots=True)
class Background:
    """Everything that has a loop of its own."""

    store: Store
    disk: DiskGuard
    policy_file: PolicyFile
    owner_file: OwnerFile
    sampler: Sampler
    log_sampler: LogSampler
    judging: Callable[[str, int | None], Judging | None]
    metrics: SamplingMetrics
    scraper: Scraper
    sampling_lease: Lease
    scraping_lease: Lease
    patterns_lease: Lease
    usage: MetricUsage
    guard: SeriesGuard


def make_background(
    config: Config,
    state: Engine,
    store: Store,
    disk: DiskGuard,
    policies: PolicyService,
    owner_file: OwnerFile,
    write: Write,
    usage: MetricUsage,
    guard: SeriesGuard,
    metrics: Metrics,
) -> Background:
    """Nothing runs yet; files are loaded. `write` takes what is scraped, as remote-write requests.

    Raises ConfigError when a file is wrong, StoreUnavailable.
    """
    policy_file = PolicyFile(policies, config.sampling.policy_file)
    policy_file.load()
    owner_file.load()
    show = partial(show_budgets, metrics.budgets)
    rounds = SamplingRounds(state)
    sampler = Sampler(store, rounds, policies.judging, Terms.of(config.sampling), show)
    log_sampler = LogSampler(store, rounds, policies.judging, config.retention.recent_spans)
    holder = f"{socket.gethostname()} {uuid.uuid4().hex}"
    scraping_lease = Lease(state, SCRAPING, holder, config.scrape.lease_ttl)
    scraper = Scraper(config.scrape.config_file, write, scraping_lease.is_held)
    scraper.load()
    sampling_lease = Lease(state, SAMPLING, holder, config.sampling.lease_ttl)
    return Background(
        store=store,
        disk=disk,
        policy_file=policy_file,
        owner_file=owner_file,
        sampler=sampler,
        log_sampler=log_sampler,
        judging=policies.judging,
        metrics=metrics.sampling,
        scraper=scraper,
        sampling_lease=sampling_lease,
        scraping_lease=scraping_lease,
        patterns_lease=Lease(state, PATTERNS, holder, PATTERNS_LEASE_S),
        usage=usage,
        guard=guard,
    )


@contextlib.asynccontextmanager
async def run_background(background: Background) -> AsyncIterator[None]:
    """As long as the block lasts; then another replica may take over at once."""
    leases = [background.sampling_lease, background.patterns_lease]
    may_sample = background.sampling_lease.is_held
    loops = [
        background.disk.watch(),
        roll_edges_forever(background.store),
        background.policy_file.watch(),
        background.owner_file.watch(),
        background.usage.flush_forever(),
        background.guard.watch(),
        background.sampler.run_forever(may_sample),
        background.log_sampler.run_forever(may_sample),
        keep_exemplars_forever(background.store, background.judging, may_sample),
        count_ledger_forever(background.store, background.metrics, may_sample),
        mine_forever(background.store, background.patterns_lease.is_held),
    ]
    if background.scraper.path:
        leases.append(background.scraping_lease)
        loops.append(background.scraper.run_forever())
    loops += [lease.renew_forever() for lease in leases]
    tasks = start_loops(loops)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for lease in leases:
            with contextlib.suppress(StoreUnavailable):
                await asyncio.to_thread(lease.release)


def start_loops(loops: Iterable[Coroutine[Any, Any, None]]) -> list[asyncio.Task[None]]:
    """Tasks that end only when they are cancelled; one that ends by itself says so in the log."""
    tasks = [asyncio.create_task(loop, name=getattr(loop, "__qualname__", "")) for loop in loops]
    for task in tasks:
        task.add_done_callback(_tell_end)
    return tasks


def _tell_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        shown = {"fields": {"loop": task.get_name()}}
        logger.critical("background work has ended: restart Traceo", exc_info=task.exception(), extra=shown)
