"""Bounds and defaults of one PromQL query."""

from dataclasses import dataclass

TOO_MANY_SAMPLES = "query processing would load too many samples into memory in query execution"
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Options:
    """Times in milliseconds or seconds, as named; 0 means no limit of the time and the memory."""

    lookback_ms: int = 300_000  # how old a sample may be that an instant selector finds
    evaluation_interval_ms: int = 60_000  # the step of a subquery that names none
    max_samples: int = 50_000_000  # loaded and computed
    max_series: int = 1_000_000  # of one selector
    timeout_s: float = 120.0
    max_memory_bytes: int = 4 * GIB  # of one statement of the engine
    use_kept: bool = True  # past steps of range queries are kept, and taken from what was kept
