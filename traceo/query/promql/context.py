"""What the parts of an evaluation share: the steps, the points that were read, limits, warnings."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from traceo.errors import QueryError, QueryTimeout
from traceo.query.promql.annotations import Annotations
from traceo.query.promql.durations import Window
from traceo.query.promql.options import TOO_MANY_SAMPLES, Options
from traceo.query.promql.presence import Presence
from traceo.query.promql.values import Ints, Points


@dataclass(slots=True)
class Budget:
    """Samples that a query may still load or compute, and until when it may run. Both raise QueryError."""

    samples: int
    deadline: float

    def spend(self, samples: int) -> None:
        """Take some, before they are made."""
        self.samples -= samples
        if self.samples < 0:
            raise QueryError(TOO_MANY_SAMPLES)
        if time.monotonic() > self.deadline:
            raise QueryTimeout("query timed out in expression evaluation")


def new_budget(options: Options) -> Budget:
    """That of a whole query."""
    timeout = options.timeout_s or float("inf")
    return Budget(options.max_samples, time.monotonic() + timeout)


@dataclass(frozen=True, slots=True)
class Context:
    """`times` are the steps of this part; `query` is what the user asked for; `points` by identity of a selector."""

    times: Ints
    step_ms: int
    query: Window
    points: Mapping[int, Points | Presence]
    notes: Annotations
    budget: Budget
    options: Options

    @property
    def steps(self) -> int:
        """How many."""
        return len(self.times)
