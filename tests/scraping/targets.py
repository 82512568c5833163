"""Targets of every kind, on sockets of this machine."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

TEXT = "text/plain; version=0.0.4"
Serve = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: 10000000000\r\n\r\n"


def answer(body: str | bytes, content_type: str = TEXT, status: str = "200 OK", more: str = "") -> bytes:
    data = body if isinstance(body, bytes) else body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(data)}\r\n{more}\r\n"
    return head.encode() + data


@contextlib.asynccontextmanager
async def run_target(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that hands each request's head to `serve`; its address. It is not kind to connections that go on."""

    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        connections.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                head += await reader.readexactly(int(size[0].split(b":")[1])) if size else b""
                await serve(head, writer)
                await writer.drain()
        writer.transport.abort()
        connections.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"{host}:{port}"
    finally:
        server.close()
        await _turns()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await _turns()


async def _turns() -> None:
    """Some turns of the loop: connections that were accepted begin, sockets that were closed close."""
    for _ in range(30):
        await asyncio.sleep(0)


def always(response: bytes) -> Serve:
    async def serve(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(response)

    return serve


async def wait_for(condition: Callable[[], bool]) -> None:
    """Until it is so, at most ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for knows nothing of events
            await asyncio.sleep(0.001)
