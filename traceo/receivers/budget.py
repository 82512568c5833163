"""The memory that all receivers share, counted in bytes of request bodies."""

from collections.abc import Callable
from types import TracebackType

from traceo.errors import Overloaded, PayloadTooLarge


class IngestBudget:
    """Counts bytes that are being read, decompressed, buffered or inserted, and refuses more than its bound.

    Belongs to one event loop: not for threads.
    """

    def __init__(self, max_bytes: int, retry_after_s: Callable[[], float] = lambda: 1.0) -> None:
        self.max_bytes = max_bytes
        self.used = 0
        self._retry_after_s = retry_after_s

    def check(self, size: int) -> None:
        """Whether so many bytes fit now. Raises Overloaded, or PayloadTooLarge for what can never fit."""
        if self.used + size <= self.max_bytes:
            return
        if size > self.max_bytes:
            raise PayloadTooLarge(
                f"{size} bytes are more than ingest.buffer_max_bytes ({self.max_bytes})", limit_bytes=self.max_bytes
            )
        raise Overloaded("the ingest buffer is full: send it again later", retry_after_s=self._retry_after_s())

    def reserve(self, size: int) -> None:
        """Take bytes, which MUST be released. Raises as `check` does."""
        self.check(size)
        self.used += size

    def release(self, size: int) -> None:
        """Give bytes back."""
        self.used -= size


class Lease:
    """A reservation that follows the work on one request; its `with` block ends it."""

    __slots__ = ("_budget", "size")

    def __init__(self, budget: IngestBudget) -> None:
        self._budget = budget
        self.size = 0

    def resize(self, size: int) -> None:
        """Hold exactly so many bytes from now on. Raises Overloaded, PayloadTooLarge and then holds what it held."""
        if size > self.size:
            self._budget.check(size - self.size)
        self._budget.used += size - self.size
        self.size = size

    def __enter__(self) -> "Lease":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.resize(0)
