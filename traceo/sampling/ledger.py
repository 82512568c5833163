"""The ledger as own metrics: counters that grow with what the rounds enter.

The replica that holds the lease counts, for the whole fleet, from when it took it: a counter begins at zero with each
holder, as Prometheus expects of a process that starts.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TypeAlias

from traceo.errors import TraceoError
from traceo.store.base import Store
from traceo.telemetry import SamplingMetrics

logger = logging.getLogger(__name__)

INTERVAL_S = 15.0
LEASE_LOOK_S = 1.0
OPEN_S = 300  # a repeated round may still add to a minute that is so long ago
MOST_LABELS = 2000  # of one process; with more, new services are counted together
OTHER_SERVICES = "(others)"

SUMS = """
SELECT toUnixTimestamp(minute) AS at, tenant, toValidUTF8(policy) AS of_policy, toValidUTF8(service) AS of_service,
    verdict, sum(traces) AS traces, sum(spans) AS spans, sum(bytes) AS bytes
FROM sampling_ledger WHERE minute >= toDateTime({since:Int64})
GROUP BY at, tenant, of_policy, of_service, verdict
"""

Labels: TypeAlias = tuple[str, str, str, str]  # tenant, policy, service, verdict
Sums: TypeAlias = tuple[int, int, int]  # traces, spans, bytes


class LedgerCounter:
    """Adds to the metrics what came into the ledger between two looks; the first look only remembers."""

    def __init__(self, store: Store, metrics: SamplingMetrics) -> None:
        self._store = store
        self._metrics = metrics
        self._seen: dict[tuple[int, Labels], Sums] | None = None
        self._labels: set[Labels] = set()

    async def look(self, now_s: float) -> None:
        """Count what is new. Raises StoreError."""
        found = await self._store.query(SUMS, {"since": int(now_s) - OPEN_S})
        columns = [found[name].to_pylist() for name in found.column_names]
        seen: dict[tuple[int, Labels], Sums] = {
            (at, labels): sums
            for at, labels, sums in zip(
                columns[0], zip(*columns[1:5], strict=True), zip(*columns[5:], strict=True), strict=True
            )
        }
        if self._seen is not None:
            for key, sums in seen.items():
                self._add(key[1], sums, self._seen.get(key, (0, 0, 0)))
        self._seen = seen

    def forget(self) -> None:
        """What comes until the next look is counted by another replica."""
        self._seen = None

    def _add(self, labels: Labels, sums: Sums, before: Sums) -> None:
        counters = (self._metrics.traces, self._metrics.spans, self._metrics.bytes)
        shown = self._bounded(labels)
        for counter, now, then in zip(counters, sums, before, strict=True):
            if now > then:
                counter.labels(*shown).inc(now - then)

    def _bounded(self, labels: Labels) -> Labels:
        if labels in self._labels or len(self._labels) < MOST_LABELS:
            self._labels.add(labels)
            return labels
        tenant, policy, _, verdict = labels
        return tenant, policy, OTHER_SERVICES, verdict


async def count_ledger_forever(store: Store, metrics: SamplingMetrics, may_work: Callable[[], bool]) -> None:
    """Until cancelled; `may_work` says whether the rounds are this replica's."""
    counter = LedgerCounter(store, metrics)
    while True:
        try:
            if may_work():
                await counter.look(time.time())
            else:
                counter.forget()
        except TraceoError as error:
            logger.warning("the ledger was not counted, trying again: %s", error)
        await asyncio.sleep(INTERVAL_S if may_work() else LEASE_LOOK_S)
