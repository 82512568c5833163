"""A store that remembers, and the surroundings of a receiver for tests."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from traceo import config
from traceo.errors import BadData, InvalidRequest, Unauthenticated
from traceo.receivers.batch import Batcher
from traceo.receivers.budget import IngestBudget
from traceo.receivers.commit import Committer
from traceo.receivers.ingest import Ingest
from traceo.store.base import Batch, Outcome, Request, Signal
from traceo.telemetry import make_metrics

BAD = b"\xff\xff\xff corrupt"
PARTIAL = b"partial"


class StubStore:
    """Refuses blocks with BAD in a body, rejects 2 items of PARTIAL ones; `gate` holds inserts back while cleared."""

    def __init__(self) -> None:
        self.blocks: list[list[Request]] = []
        self.attempts: list[list[Request]] = []
        self.fail_with: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Event()

    async def insert(self, signal: Signal, requests: Sequence[Request], batch: Batch | None = None) -> list[Outcome]:
        self.attempts.append(list(requests))
        self.arrived.set()
        await self.gate.wait()
        if self.fail_with is not None:
            raise self.fail_with
        if any(BAD in request.body for request in requests):
            raise BadData("cannot decode", code=444)
        self.blocks.append(list(requests))
        return [Outcome(2, "two are bad") if PARTIAL in request.body else Outcome() for request in requests]

    @property
    def stored(self) -> list[Request]:
        return [request for block in self.blocks for request in block]


@dataclass(frozen=True)
class Caller:
    tenant: str
    scopes: frozenset[str] = frozenset({"ingest"})
    name: str = "test"


def authenticate(authorization: str | None, x_scope_orgid: str | None, peer_ip: str) -> Caller:
    if authorization == "Bearer wrong":
        raise Unauthenticated("the token is unknown")
    if x_scope_orgid == "not/valid":
        raise InvalidRequest("tenant is not valid")
    scopes = frozenset({"query"}) if authorization == "Bearer reader" else frozenset({"ingest"})
    return Caller(x_scope_orgid or "default", scopes, peer_ip)


@dataclass
class Bench:
    """A receiver's surroundings on one stub store."""

    store: StubStore
    ingest: Ingest
    budget: IngestBudget = field(init=False)

    def __post_init__(self) -> None:
        self.budget = self.ingest.budget


def make_bench(
    can_write: Callable[[], None] = lambda: None, store: Any = None, *, is_sampled: bool = False, **settings: Any
) -> Bench:
    limits = config.Ingest(**{"batch_max_delay": 0.05, **settings})
    store = store or StubStore()
    metrics = make_metrics().ingest
    budget = IngestBudget(limits.buffer_max_bytes)
    batchers = {
        signal: Batcher(
            Committer(signal, store, metrics),
            asyncio.Semaphore(len(Signal)),
            budget,
            metrics,
            max_bytes=limits.batch_max_bytes,
            max_delay_s=limits.batch_max_delay,
            linger_s=0.002,
            can_write=can_write,
        )
        for signal in Signal
    }
    return Bench(
        store, Ingest(authenticate, batchers, budget, limits, metrics, {Signal.TRACES: lambda tenant: is_sampled})
    )
