"""What every receiver is given, and the checks that they share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from traceo import config
from traceo.errors import PermissionDenied, StoreUnavailable
from traceo.receivers.batch import Batcher
from traceo.receivers.budget import IngestBudget
from traceo.receivers.plain_write import PlainReader
from traceo.store.base import Outcome, Request, Signal
from traceo.telemetry import IngestMetrics

SCOPE = "ingest"
KEEP_HEADER = "x-traceo-keep"
CODEC_THREADS = 2
T = TypeVar("T")


class Principal(Protocol):
    """Who calls: `traceo.access.model.Principal`, as far as a receiver has to know it."""

    @property
    def tenant(self) -> str:
        """The tenant that the data will belong to."""

    @property
    def scopes(self) -> Collection[str]:
        """What it may do."""

    @property
    def name(self) -> str:
        """For messages."""


class Authenticate(Protocol):
    """Header values (None: not sent) and the peer's address -> who it is; raises Unauthenticated and the like."""

    def __call__(self, authorization: str | None, x_scope_orgid: str | None, peer_ip: str, /) -> Principal:
        """Fast: called on the event loop for every request."""


def _make_codec_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(CODEC_THREADS, thread_name_prefix="codec")


@dataclass(frozen=True, slots=True)
class Ingest:
    """The receivers' surroundings, made once by `app.py`. `codec_pool` works on large bodies off the event loop.

    `rests`: which tenants' items of a signal wait in the recent window for a verdict (not there: nobody's). `is_full`:
    whether a tenant's new series are refused.
    """

    authenticate: Authenticate
    batchers: Mapping[Signal, Batcher]
    budget: IngestBudget
    limits: config.Ingest
    metrics: IngestMetrics
    rests: Mapping[Signal, Callable[[str], bool]] = field(default_factory=dict)
    codec_pool: ThreadPoolExecutor = field(default_factory=_make_codec_pool)
    is_full: Callable[[str], bool] = lambda tenant: False
    plain_reader: PlainReader = field(default_factory=PlainReader)

    def authorize(self, authorization: str | None, x_scope_orgid: str | None, peer_ip: str) -> str:
        """The tenant for whom this caller may write. Raises Unauthenticated, PermissionDenied, InvalidRequest."""
        principal = self.authenticate(authorization, x_scope_orgid, peer_ip)
        if SCOPE not in principal.scopes:
            raise PermissionDenied(f"{principal.name} does not have the scope {SCOPE}")
        return principal.tenant

    async def commit(self, signal: Signal, tenant: str, body: bytes, keep: str | None = None) -> Outcome:
        """Wait until the request is stored. `keep`: what its KEEP_HEADER says.

        Raises what `Batcher.submit` raises; StoreUnavailable after the timeout.
        """
        try:
            async with asyncio.timeout(self.limits.request_timeout):
                recent = signal in self.rests and self.rests[signal](tenant)
                keeps = signal is Signal.TRACES and recent and is_yes(keep)
                judged = signal is Signal.METRICS and self.is_full(tenant)
                outcome = await self.batchers[signal].submit(Request(tenant, body, recent, keeps), judged=judged)
        except TimeoutError as error:
            raise StoreUnavailable("not committed in time, it may still be: send it again") from error
        if outcome.rejected:
            self.metrics.rejected_items.labels(signal).inc(outcome.rejected)
        return outcome

    async def in_codec_thread(self, work: Callable[[], T]) -> T:
        """Run CPU-heavy work on a body elsewhere; at most CODEC_THREADS at once, so that their memory is bounded."""
        return await asyncio.get_running_loop().run_in_executor(self.codec_pool, work)

    def count(self, signal: Signal, transport: str, status: str, error: BaseException | None) -> None:
        """One answered request."""
        self.metrics.requests.labels(signal, transport, status).inc()
        if error is not None:
            self.metrics.errors.labels(signal, type(error).__name__).inc()


def is_yes(value: str | None) -> bool:
    """Whether a header says 1 or true. Anything else is no: a slip in a header of ours must not cost a request."""
    return value is not None and value.strip().lower() in ("1", "true")
