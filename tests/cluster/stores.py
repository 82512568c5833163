"""A `ClusterStore` with the limits of the configuration's defaults."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from traceo.store.base import QueryLimits
from traceo.store.cluster import ClusterStore

LIMITS = QueryLimits(timeout_s=30, max_result_rows=100_000, max_memory_bytes=1 << 30)


@asynccontextmanager
async def cluster_store(url: str) -> AsyncIterator[ClusterStore]:
    """Open for the duration of the block."""
    store = ClusterStore(url, connections=4, limits=LIMITS)
    try:
        yield store
    finally:
        await store.close()
