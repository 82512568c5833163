"""The ledger as own metrics."""

import asyncio
import secrets
import time

import pytest
from prometheus_client import CollectorRegistry

from tests.query.engine import engine
from traceo.sampling import ledger
from traceo.sampling.ledger import OTHER_SERVICES, LedgerCounter
from traceo.telemetry import make_metrics


class Bench:
    """A tenant's ledger and a replica that counts it."""

    def __init__(self) -> None:
        self.tenant = f"counted-{secrets.token_hex(4)}"
        metrics = make_metrics()
        self.registry: CollectorRegistry = metrics.registry
        self.counter = LedgerCounter(engine(), metrics.sampling)

    def enter(
        self, policy: str, service: str, verdict: str, traces: int, spans: int, size: int, ago_s: int = 0
    ) -> None:
        row = f"'{policy}', '{service}', '{verdict}', {traces}, {spans}, {size}"
        sql = (
            "INSERT INTO sampling_ledger (tenant, minute, policy, service, verdict, traces, spans, bytes) "
            f"VALUES ({{t:String}}, toStartOfMinute(now() - {ago_s}), {row})"
        )
        asyncio.run(engine().execute(sql, {"t": self.tenant}))

    def look(self) -> None:
        asyncio.run(self.counter.look(time.time()))

    def value(self, unit: str, policy: str, service: str, verdict: str) -> float | None:
        labels = {"tenant": self.tenant, "policy": policy, "service": service, "verdict": verdict}
        return self.registry.get_sample_value(f"traceo_sampling_{unit}_total", labels)


def test_what_comes_between_two_looks_is_counted_once() -> None:
    bench = Bench()
    bench.enter("errors", "shop", "kept", 1, 10, 1000)
    bench.look()
    assert bench.value("spans", "errors", "shop", "kept") is None
    bench.enter("errors", "shop", "kept", 2, 20, 2000)
    bench.enter("", "shop", "dropped", 5, 50, 5000, ago_s=120)
    bench.enter("", "cart\\xff", "dropped", 1, 1, 1)
    for _ in range(2):
        bench.look()
    assert [bench.value(unit, "errors", "shop", "kept") for unit in ("traces", "spans", "bytes")] == [2, 20, 2000]
    assert bench.value("bytes", "", "shop", "dropped") == 5000
    assert bench.value("spans", "", "cart\ufffd", "dropped") == 1


def test_what_another_replica_counts_is_left_to_it() -> None:
    bench = Bench()
    bench.look()
    bench.counter.forget()
    bench.enter("errors", "shop", "kept", 1, 10, 1000)
    bench.look()
    bench.enter("errors", "shop", "kept", 1, 1, 100)
    bench.look()
    assert bench.value("spans", "errors", "shop", "kept") == 1


def test_services_beyond_the_bound_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MOST_LABELS", 0)
    bench = Bench()
    bench.look()
    for number in range(3):
        bench.enter("errors", f"pod-{number}", "kept", 1, 1, 100)
    bench.look()
    assert bench.value("spans", "errors", OTHER_SERVICES, "kept") == 3
