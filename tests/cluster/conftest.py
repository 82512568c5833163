"""A two-shard cluster for all tests of this folder, with the whole schema; each test starts with both nodes up."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.clickhouse import Cluster, two_shards
from tests.cluster.stores import cluster_store
from traceo.store.cluster import ClusterStore
from traceo.store.migrate import migrate


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def running_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with two_shards(tmp_path_factory.mktemp("cluster")) as cluster:
        asyncio.run(_migrate(cluster.url))
        yield cluster


@pytest.fixture
def cluster(running_cluster: Cluster) -> Iterator[Cluster]:
    """Both nodes run, before and after."""
    running_cluster.restore()
    yield running_cluster
    running_cluster.restore()


@pytest.fixture
async def store(cluster: Cluster) -> AsyncIterator[ClusterStore]:
    async with cluster_store(cluster.url) as store:
        yield store


async def _migrate(url: str) -> None:
    async with cluster_store(url) as store:
        await migrate(store)
