"""Where receivers put what came in, from the settings: batches, their memory, the journal. `app.py` makes it."""

import asyncio
import logging

from traceo.access.service import AccessService
from traceo.cardinality.limits import SeriesGuard
from traceo.config import Config
from traceo.disk import DiskGuard
from traceo.policies.service import PolicyService
from traceo.receivers.batch import Batcher
from traceo.receivers.budget import IngestBudget
from traceo.receivers.commit import Committer
from traceo.receivers.ingest import Ingest
from traceo.receivers.journal import Journal
from traceo.receivers.plain_write import PlainReader
from traceo.store.base import Signal, Store
from traceo.store.open import is_embedded
from traceo.telemetry import Metrics

logger = logging.getLogger(__name__)

JOURNAL = "journal"


def make_ingest(
    config: Config,
    store: Store,
    access: AccessService,
    policies: PolicyService,
    metrics: Metrics,
    disk: DiskGuard,
    guard: SeriesGuard,
) -> Ingest:
    """What all receivers put into: a batcher for each signal, one budget of memory, the embedded engine's journal."""
    journal = Journal(config.data_dir / JOURNAL) if is_embedded(config) else None
    budget = IngestBudget(config.ingest.buffer_max_bytes)
    metrics.ingest.buffered_bytes.set_function(lambda: budget.used)
    plain_reader = PlainReader(config.limits)
    slots = asyncio.Semaphore(1 if is_embedded(config) else len(Signal))
    batchers = {
        kind: Batcher(
            Committer(kind, store, metrics.ingest, plain_reader.forget),
            slots,
            budget,
            metrics.ingest,
            max_bytes=config.ingest.batch_max_bytes,
            max_delay_s=config.ingest.batch_max_delay,
            can_write=disk.check,
            journal=journal,
        )
        for kind in Signal
    }
    rests = {Signal.TRACES: policies.samples, Signal.LOGS: policies.thins_logs, Signal.LOKI: policies.thins_logs}
    return Ingest(
        access.authenticate,
        batchers,
        budget,
        config.ingest,
        metrics.ingest,
        rests,
        is_full=guard.is_full,
        plain_reader=plain_reader,
    )


async def replay_journal(config: Config, ingest: Ingest) -> None:
    """What was answered but not committed when the last process was killed."""
    if not is_embedded(config):
        return
    segments = Journal(config.data_dir / JOURNAL).left_behind()
    for segment in segments:
        await ingest.batchers[segment.signal].replay(segment)
    if segments:
        logger.info(
            "the last process was killed: its journal was replayed", extra={"fields": {"batches": len(segments)}}
        )
