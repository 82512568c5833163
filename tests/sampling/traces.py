"""Traces for tests of sampling: made in Python, stored at chosen seconds, judged by the SQL under test."""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

from tests.query.engine import engine
from tests.query.telemetry import span, traces
from traceo.query.sql import Scope
from traceo.sampling.model import PolicySet
from traceo.sampling.parse import parse_policies
from traceo.sampling.policies import compile_verdict
from traceo.store.base import Batch, Request, Signal

ARRIVAL_S = 1_790_000_100  # the start of five minutes
START_NS = ARRIVAL_S * 10**9


@dataclass(frozen=True, slots=True)
class Span:
    """A span; times are nanoseconds after START_NS."""

    name: str = "GET /"
    service: str = "shop"
    start_ns: int = 0
    duration_ns: int = 1_000_000
    status: int = 0
    parent: int = 0
    flags: int = 0
    kind: int = 2
    trace_state: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    resource: dict[str, Any] = field(default_factory=dict)
    events: tuple[dict[str, Any], ...] = ()
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trace:
    """`randomness` is the last seven bytes of its id; it arrives whole, `second` seconds after ARRIVAL_S."""

    randomness: int
    spans: tuple[Span, ...] = (Span(),)
    second: int = 0

    @property
    def trace_id(self) -> bytes:
        return b"\x01" * 9 + self.randomness.to_bytes(7, "big")


def share(part: float) -> int:
    """The randomness that this share of all traces is below."""
    return int(part * (1 << 56))


def store(tenant: str, found: list[Trace], *, recent: bool = False, keep: bool = False) -> None:
    """Each second's traces as one batch."""
    for second in sorted({trace.second for trace in found}):
        bodies = [body for trace in found if trace.second == second for body in _bodies(trace)]
        batch = Batch(((ARRIVAL_S + second) * 1000) << 22 | secrets.randbits(22), secrets.token_hex(16))
        asyncio.run(engine().insert(Signal.TRACES, [Request(tenant, body, recent, keep) for body in bodies], batch))


def _bodies(trace: Trace) -> list[bytes]:
    number = int.from_bytes(trace.trace_id, "big")
    return [
        traces(
            item.service,
            [
                span(
                    number,
                    place + 1,
                    START_NS + item.start_ns,
                    parent=item.parent,
                    duration_ns=item.duration_ns,
                    name=item.name,
                    kind=item.kind,
                    flags=item.flags,
                    trace_state=item.trace_state,
                    status={"code": item.status, **item.more.get("status", {})},
                    attributes=item.attributes,
                    events=list(item.events),
                )
            ],
            item.resource,
        )
        for place, item in enumerate(trace.spans)
    ]


def judge(tenant: str, policies: PolicySet | str, *, seen: str = "", counts: str = "") -> dict[int, dict[str, Any]]:
    """The verdict's rows by the randomness in their trace id."""
    if isinstance(policies, str):
        policies = parse_policies(policies).policies
    scope = Scope(tenant)
    sql = compile_verdict(policies, lambda columns: scope.select("spans", columns), scope, seen=seen, counts=counts)
    rows = asyncio.run(engine().query(sql, scope.params)).to_pylist()
    return {int.from_bytes(row["trace_id"][9:], "big"): row for row in rows}


def kept(tenant: str, policies: PolicySet | str, **tables: str) -> list[int]:
    """Randomness of the traces that are kept, in order."""
    return sorted(at for at, row in judge(tenant, policies, **tables).items() if row["keep"])
