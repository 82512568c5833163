"""Single attempts of an insert, to put them on a chosen host in a chosen order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from tests.clickhouse import DATABASE, Cluster
from traceo.store.base import Batch, Request, Signal
from traceo.store.cluster import INSERT_SETTINGS
from traceo.store.frame import frame_batch, insert_settings, insert_statement


@dataclass(frozen=True, slots=True)
class Call:
    """What one `ClusterStore.insert` sends, to every host that it tries."""

    params: Mapping[str, str | int | float]
    data: bytes

    async def attempt(self, cluster: Cluster, host: int) -> None:
        """Send it to one host. Raises `httpx.HTTPStatusError` when it fails."""
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            url = f"http://127.0.0.1:{cluster.http_ports[host]}/"
            answer = await client.post(url, params=self.params, content=self.data)
        answer.raise_for_status()


def new_call(signal: Signal, requests: Sequence[Request]) -> Call:
    """A call with a token and a batch id of its own."""
    batch = Batch.new()
    query = f"{insert_statement(signal)} FORMAT Protobuf"
    params = {**insert_settings(signal, batch), **INSERT_SETTINGS, "query": query, "database": DATABASE}
    return Call(params, b"".join(frame_batch(requests, batch)))
