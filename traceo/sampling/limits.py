"""Rates as thresholds, by bottom-k: within a period of first arrival the traces with the highest randomness are kept.

They are taken in order of randomness while their sizes fit in the limit; the threshold is just above the first one
that does not. It depends on nothing but the traces of that period: every replica and every replay finds the same. A
trace that alone is larger than the limit is never kept, and takes nothing from the others. ADR 0008 says why counts
stay right.
"""

from dataclasses import dataclass, field

from traceo.sampling.thresholds import ALWAYS, NEVER

SECOND = "first_arrival"


@dataclass(frozen=True, slots=True)
class Limit:
    """`size` of the traces that are `eligible` must not exceed `limit` in each period and group of `partition`."""

    size: str
    limit: int
    eligible: str
    partition: str = SECOND


@dataclass(slots=True)
class Limits:
    """The limits of one statement; each becomes a column with the threshold of the trace."""

    found: list[Limit] = field(default_factory=list)

    def add(self, limit: Limit) -> str:
        """SQL: the threshold that the limit has for a trace."""
        self.found.append(limit)
        return f"limit_{len(self.found) - 1}"

    def select_from(self, traces: str) -> str:
        """SELECT all columns of `traces`, and a threshold for each limit."""
        if not self.found:
            return traces
        sums, thresholds = [], []
        for number, item in enumerate(self.found):
            fits = f"({item.eligible} AND {item.size} <= {item.limit})"
            total = f"total_{number}"
            sums.append(f"{fits} AS fits_{number}")
            sums.append(
                f"sum(if(fits_{number}, {item.size}, 0)) OVER "
                f"(PARTITION BY {item.partition} ORDER BY randomness DESC) AS {total}"
            )
            first = f"if(fits_{number} AND {total} > {item.limit}, randomness + 1, {ALWAYS})"
            above = f"max({first}) OVER (PARTITION BY {item.partition})"
            thresholds.append(f"if(fits_{number}, {above}, {NEVER}) AS limit_{number}")
        return f"SELECT *, {', '.join(thresholds)} FROM (SELECT *, {', '.join(sums)} FROM ({traces}))"


def every(seconds: int) -> str:
    """SQL: the period of a trace's first arrival, as a partition."""
    return SECOND if seconds == 1 else f"intDiv(toUnixTimestamp(first_arrival), {seconds})"
