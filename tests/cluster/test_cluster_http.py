"""The walk over hosts, against servers that fail in chosen ways."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from tests.clickhouse import free_ports
from traceo.errors import StoreUnavailable
from traceo.store.cluster_http import ClusterHttp, Statement
from traceo.store.cluster_url import ClusterUrl, Host

pytestmark = pytest.mark.anyio

HANGS_UP = b""
IS_AWAY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\naway"
SERVES = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def hosts(*answers: bytes) -> AsyncIterator[tuple[ClusterHttp, list[int]]]:
    """Servers with one answer each, and the list that notes who was asked."""
    asked: list[int] = []

    async def answer(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        asked.append(number)
        writer.write(answers[number])
        writer.close()

    servers = [await asyncio.start_server(partial(answer, number), "127.0.0.1", 0) for number in range(len(answers))]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    http = ClusterHttp(ClusterUrl(tuple(Host("127.0.0.1", port) for port in ports)), connections=2)
    try:
        yield http, asked
    finally:
        await http.close()
        for server in servers:
            server.close()


@pytest.mark.parametrize("failure", [HANGS_UP, IS_AWAY], ids=["hangs up", "503 of a proxy"])
async def test_next_host_serves_what_may_run_twice(failure: bytes) -> None:
    async with hosts(failure, SERVES) as (http, asked):
        assert await http.send(Statement("SELECT 1")) == b"ok"
        assert asked == [0, 1]


@pytest.mark.parametrize("failure", [HANGS_UP, IS_AWAY], ids=["hangs up", "503 of a proxy"])
async def test_what_must_not_run_twice_is_sent_to_one_host(failure: bytes) -> None:
    async with hosts(failure, SERVES) as (http, asked):
        with pytest.raises(StoreUnavailable):
            await http.send(Statement("INSERT INTO t SELECT 1", repeatable=False))
        assert asked == [0]


async def test_what_must_not_run_twice_goes_on_while_nobody_has_it() -> None:
    async with hosts(SERVES) as (living, asked):
        nobody = Host("127.0.0.1", free_ports(1)[0])
        http = ClusterHttp(ClusterUrl((nobody, *living.url.hosts)), connections=2)
        assert await http.send(Statement("INSERT INTO t SELECT 1", repeatable=False)) == b"ok"
        assert asked == [0]
        await http.close()


async def test_rounds_are_tried_before_giving_up() -> None:
    async with hosts(HANGS_UP, IS_AWAY) as (http, asked):
        with pytest.raises(StoreUnavailable):
            await http.send(Statement("SELECT 1"), rounds=2)
        assert sorted(asked) == [0, 0, 1, 1]


async def test_failed_host_comes_last_for_a_while() -> None:
    async with hosts(HANGS_UP, SERVES, SERVES) as (http, asked):
        for _ in range(6):
            await http.send(Statement("SELECT 1"))
        assert asked.count(0) == 1


async def test_hosts_take_turns() -> None:
    async with hosts(SERVES, SERVES) as (http, asked):
        for _ in range(4):
            await http.send(Statement("SELECT 1"))
        assert asked == [0, 1, 0, 1]
