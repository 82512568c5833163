"""What was answered before, for those who ask the same again: the panels of one dashboard."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import pyarrow as pa

MAX_ROWS, MAX_TABLES = 10_000, 200  # of one table; of all


class RecentTables:
    """Small results by what was asked, good for `max_age_s`. `clock`: seconds, never set back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, max_age_s: float = 1.0) -> None:
        self._clock = clock
        self._max_age_s = max_age_s
        self._tables: dict[Hashable, tuple[float, pa.Table]] = {}

    def now(self) -> float:
        """The moment from which a result's age counts: before its statement is sent."""
        return self._clock()

    def get(self, asked: Hashable) -> pa.Table | None:
        """The result, if it is young enough."""
        since, table = self._tables.get(asked, (0.0, None))
        return table if table is not None and self._clock() - since < self._max_age_s else None

    def last(self, asked: Hashable) -> pa.Table | None:
        """The result of the last time, however old."""
        return self._tables.get(asked, (0.0, None))[1]

    def put(self, asked: Hashable, table: pa.Table, since: float) -> None:
        """Keep a result. Not one without rows: what is new to somebody who waits for it is seen at once."""
        self._tables.pop(asked, None)
        if 0 < table.num_rows <= MAX_ROWS:
            self._tables[asked] = since, table
        while len(self._tables) > MAX_TABLES:
            self._tables.pop(next(iter(self._tables)))


class KeptAnswers:
    """Answers by what was asked. Of more than `max_bytes` those go first that were not asked for longest."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    def get(self, asked: Hashable) -> Any:
        """What was kept; None: nothing."""
        if asked not in self._kept:
            return None
        self._kept.move_to_end(asked)
        return self._kept[asked][0]

    def put(self, asked: Hashable, answer: Any, size: int) -> None:
        """Instead of what was kept before; not if it alone takes a quarter of all."""
        self.drop(asked)
        if size <= self._max_bytes // 4:
            self._kept[asked] = answer, size
            self._bytes += size
        while self._bytes > self._max_bytes:
            self.drop(next(iter(self._kept)))

    def drop(self, asked: Hashable) -> None:
        """It no longer holds."""
        self._bytes -= self._kept.pop(asked, (None, 0))[1]
