"""What the faults that live inside a service do to its requests and queries."""

from __future__ import annotations

import asyncio
import random
import time

from shop.faults import Fault


class InjectedError(RuntimeError):
    """The failure that an `errors` fault or a bad deploy raises inside a handler."""


class Effects:
    """The active in-process faults of this service, and the regression of its version if it is a bad one."""

    def __init__(self, regression: str | None = None, rate: float = 0.0, ms: float = 0.0) -> None:
        self._active: list[Fault] = []
        self._regression, self._regression_rate, self._regression_ms = regression, rate, ms
        self._leaked: list[bytearray] = []

    def replace_active(self, faults: list[Fault]) -> None:
        """Make `faults` the active ones; what a finished leak held is released."""
        self._active = faults
        if not self._of_kind("leak"):
            self._leaked.clear()

    async def disturb_request(self, operation: str) -> None:
        """Delay, fail or leak as the active faults demand; called at the start of every request."""
        for fault in self._of_kind("leak"):
            self._leak(fault.parameters["kb_per_request"], fault.parameters["max_mb"])
        for fault in self._of_kind("latency", operation):
            await asyncio.sleep(fault.parameters["ms"] / 1000 * random.uniform(0.8, 1.2))
        for fault in self._of_kind("errors", operation):
            raise InjectedError(f"upstream returned an unexpected answer (fault {fault.id})")
        self._regress()

    def query_delay_s(self) -> float:
        """Return for how long the next query has to sleep in the database."""
        return sum(float(fault.parameters["ms"]) / 1000 for fault in self._of_kind("slow_query"))

    def _of_kind(self, kind: str, operation: str | None = None) -> list[Fault]:
        return [
            fault
            for fault in self._active
            if fault.kind == kind
            and fault.parameters.get("operation") in (None, operation)
            and random.random() < fault.parameters.get("rate", 1.0)
        ]

    def _leak(self, kb_per_request: float, max_mb: float) -> None:
        size = int(kb_per_request * 1024)
        if sum(map(len, self._leaked)) + size <= max_mb * 1024 * 1024:
            self._leaked.append(bytearray(b"\xff" * size))  # written, so that the pages are resident

    def _regress(self) -> None:
        if self._regression is None or random.random() >= self._regression_rate:
            return
        if self._regression == "latency":
            time.sleep(self._regression_ms / 1000)  # the bug of that version: it blocks the event loop
        else:
            prices: dict[str, int] = {}
            prices["currency"]  # the bug of that version: it reads a field that older callers do not send
