"""Work that goes on beside the servers: the disk guard, service edges, sampling and its lease. `app.py` starts it."""

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from traceo.catalog.edges import roll_edges_forever
from traceo.config import Config
from traceo.disk import DiskGuard
from traceo.errors import StoreUnavailable
from traceo.policies.file import PolicyFile
from traceo.policies.rounds import SamplingRounds
from traceo.policies.service import PolicyService
from traceo.sampling.budgets import Terms
from traceo.sampling.exemplars import keep_exemplars_forever
from traceo.sampling.ledger import count_ledger_forever
from traceo.sampling.log_sampler import LogSampler
from traceo.sampling.sampler import Judging, Sampler
from traceo.sampling.steering import show_budgets
from traceo.state.leases import Lease
from traceo.store.base import Store
from traceo.telemetry import Metrics, SamplingMetrics

SAMPLING = "sampling"


@dataclass(frozen=True, slots=True)
class Background:
    """Everything that has a loop of its own."""

    store: Store
    disk: DiskGuard
    policy_file: PolicyFile
    sampler: Sampler
    log_sampler: LogSampler
    judging: Callable[[str, int | None], Judging | None]
    lease: Lease
    metrics: SamplingMetrics


def make_background(
    config: Config, state: Engine, store: Store, disk: DiskGuard, policies: PolicyService, metrics: Metrics
) -> Background:
    """Nothing runs yet; the policy file is loaded. Raises ConfigError when it is wrong, StoreUnavailable."""
    policy_file = PolicyFile(policies, config.sampling.policy_file)
    policy_file.load()
    show = partial(show_budgets, metrics.budgets)
    rounds = SamplingRounds(state)
    sampler = Sampler(store, rounds, policies.judging, Terms.of(config.sampling), show)
    log_sampler = LogSampler(store, rounds, policies.judging, config.retention.recent_spans)
    holder = f"{socket.gethostname()} {uuid.uuid4().hex}"
    lease = Lease(state, SAMPLING, holder, config.sampling.lease_ttl)
    return Background(store, disk, policy_file, sampler, log_sampler, policies.judging, lease, metrics.sampling)


@contextlib.asynccontextmanager
async def run_background(background: Background) -> AsyncIterator[None]:
    """As long as the block lasts; then another replica may take over at once."""
    lease = background.lease
    loops = (
        background.disk.watch(),
        roll_edges_forever(background.store),
        background.policy_file.watch(),
        lease.renew_forever(),
        background.sampler.run_forever(lease.is_held),
        background.log_sampler.run_forever(lease.is_held),
        keep_exemplars_forever(background.store, background.judging, lease.is_held),
        count_ledger_forever(background.store, background.metrics, lease.is_held),
    )
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(StoreUnavailable):
            await asyncio.to_thread(lease.release)
