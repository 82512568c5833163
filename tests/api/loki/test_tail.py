"""`/loki/api/v1/tail` over a real socket: frames, refusals, clients that never read."""

import asyncio
import json
import time
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.api.loki.pushed import push_body
from tests.api.test_api import data, policies, services  # noqa: F401  (fixtures)
from tests.api.test_stream import read, serving
from tests.query.engine import engine
from traceo.api import sockets
from traceo.api.app import make_api
from traceo.store.base import Request, Signal

TAIL = "/loki/api/v1/tail"
SHOP = '{app="shop"}'


async def send(tenant: str, *lines: str, labels: str = SHOP) -> int:
    now = time.time_ns()
    body = push_body((labels, [(now + place, line, {"user": "u"}) for place, line in enumerate(lines)]))
    await engine().insert(Signal.LOKI, [Request(tenant, body)])
    return now


def test_what_was_there_comes_first_and_then_what_arrives() -> None:
    engine()

    async def work() -> None:
        headers = {"X-Scope-OrgID": "loki-tail", "X-Loki-Response-Encoding-Flags": "categorize-labels"}
        async with serving() as url:
            before = await send("loki-tail", "old hello", "old good bye")
            address = f"{url.removesuffix('/api/v1/stream')}{TAIL}?query=%7Bapp%3D%22shop%22%7D%20%7C%3D%20%22hello%22"
            async with connect(address, additional_headers=headers) as client:
                assert lines_of(await read(client)) == [("shop", str(before), "old hello", "u")]
                await send("loki-tail", "hello", labels='{app="cart"}')
                after = await send("loki-tail", "good bye", "hello")
                assert lines_of(await read(client)) == [("shop", str(after + 1), "hello", "u")]

    asyncio.run(work())


def lines_of(frame: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    assert frame["encodingFlags"] == ["categorize-labels"]
    return [
        (stream["stream"]["app"], at, line, more["structuredMetadata"]["user"])
        for stream in frame["streams"]
        for at, line, more in stream["values"]
    ]


@pytest.mark.parametrize(
    ("query", "token", "status", "words"),
    [
        ("query=%7Bapp%3D%22a%22%7D", "wrong", 401, "the token is unknown"),
        ("query=%7Bapp%3D%22a%22%7D", "ingest", 403, "does not have the scope query"),
        ("query=%7B", "", 400, "parse error at line 1, col 2"),
        ("query=rate(%7Bapp%3D%22a%22%7D%5B1m%5D)", "", 400, "metric queries"),
        ("query=%7Bapp%3D%22a%22%7D&delay_for=6", "", 400, "delay_for can't be greater than 5"),
        ("query=%7Bapp%3D%22a%22%7D&limit=x", "", 400, "invalid syntax"),
    ],
    ids=["token", "scope", "query", "metric", "delay", "limit"],
)
def test_wrong_tails_are_refused_with_the_reason(query: str, token: str, status: int, words: str) -> None:
    async def work() -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with serving() as url:
            with pytest.raises(InvalidStatus) as refused:
                async with connect(f"{url.removesuffix('/api/v1/stream')}{TAIL}?{query}", additional_headers=headers):
                    pass
        assert refused.value.response.status_code == status
        assert words in refused.value.response.body.decode()

    asyncio.run(work())


def test_client_that_never_reads_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SEND_TIMEOUT_S", 0.2)
    engine()

    async def work() -> None:
        app = make_api(services())
        async with serving(app) as url:
            address = f"{url.removesuffix('/api/v1/stream')}{TAIL}?query=%7Bapp%3D%22shop%22%7D"
            headers = {"X-Scope-OrgID": "loki-silent"}
            async with connect(address, additional_headers=headers, max_queue=1, compression=None) as client:
                client.transport.pause_reading()
                async with asyncio.timeout(30):
                    while app.state.live._clients:
                        await send("loki-silent", *("x" * 30_000 for _ in range(200)))
                client.transport.resume_reading()
                with pytest.raises(ConnectionClosed):
                    while True:
                        json.loads(await client.recv())

    asyncio.run(work())
