"""The ids of series that came by remote write, as the engine makes them: the twin of `plain_samples_in_view`.

A receiver that knows a series' id sends it instead of the labels. CityHash is of the version that ClickHouse keeps.
"""

from collections.abc import Iterable, Iterator

from clickhouse_cityhash.cityhash import CityHash64 as city_hash

from traceo.store.metric_types import NAME_BITS

__all__ = ["city_hash", "series_ids"]

MASK = (1 << 64) - 1
MULTIPLIER = 0x9DDFEA08EB382D69  # of Hash128to64
NAME = b"__name__\x12"


def series_ids(tenant: str, labels: Iterable[bytes], hashes: Iterable[int]) -> Iterator[int]:
    """Of series' encoded labels, in order of their names, and what `city_hash` says of each."""
    whose = city_hash(tenant.encode())
    for encoded, found in zip(labels, hashes, strict=True):
        at = encoded.find(NAME) + len(NAME)
        name = city_hash(encoded[at + 1 : at + 1 + encoded[at]])
        yield name << 64 - NAME_BITS & MASK | _combine(whose, found) >> NAME_BITS


def _combine(first: int, second: int) -> int:
    """`cityHash64(a, b)` from the hashes of both."""
    mixed = (first ^ second) * MULTIPLIER & MASK
    mixed = ((second ^ mixed ^ mixed >> 47) * MULTIPLIER) & MASK
    return (mixed ^ mixed >> 47) * MULTIPLIER & MASK
