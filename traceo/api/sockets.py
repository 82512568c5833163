"""What WebSockets share: who calls, frames to clients that may be slow or gone."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import unquote

import orjson
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

from traceo.api.depends import find_caller
from traceo.errors import TraceoError

SEND_TIMEOUT_S = 10.0  # a client that takes nothing for so long is cut
TRY_AGAIN, TOO_SLOW = 1013, 1008  # RFC 6455 7.4.1
PROTOCOL = "traceo"
# What a browser, which cannot set headers here, offers as a subprotocol -> the header that it stands for.
HEADERS = {"traceo.token.": ("authorization", "Bearer "), "traceo.tenant.": ("x-scope-orgid", "")}


async def authorize(socket: WebSocket) -> str:
    """The tenant. A browser may send its token and its tenant (percent-encoded) as subprotocols."""
    for offered in socket.scope.get("subprotocols", []):
        for prefix, (header, scheme) in HEADERS.items():
            if offered.startswith(prefix) and header not in socket.headers:
                value = f"{scheme}{unquote(offered.removeprefix(prefix))}"
                pair = (header.encode(), value.encode("latin-1", "replace"))
                socket.scope["headers"] = [*socket.scope["headers"], pair]
                del socket._headers
    return (await find_caller(socket, "query")).tenant


async def accept(socket: WebSocket) -> None:
    """With the subprotocol that a browser offers beside its token."""
    await socket.accept(PROTOCOL if PROTOCOL in socket.scope.get("subprotocols", []) else None)


async def send_until_left(
    socket: WebSocket, *sending: Coroutine[Any, Any, None], hear: Callable[[str], Awaitable[None]] | None = None
) -> None:
    """Until one of them has sent all or fails, or the client goes or is too slow. `hear` gets what the client says."""
    tasks = [asyncio.create_task(_guarded(socket, work)) for work in (*sending, _until_left(socket, hear))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def put_frame(socket: WebSocket, frame: dict[str, Any]) -> None:
    """As JSON. Raises TimeoutError."""
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await socket.send_text(orjson.dumps(frame).decode())


class Sender:
    """Frames of many tasks on one socket, one after the other."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._turn = asyncio.Lock()
        self._late = asyncio.Event()

    async def put(self, frame: dict[str, Any]) -> None:
        """As JSON. Raises TimeoutError, which `watch` does, too."""
        async with self._turn:
            try:
                await put_frame(self._socket, frame)
            except TimeoutError:
                self._late.set()
                raise

    async def watch(self) -> None:
        """For `send_until_left`: whichever task it is that finds the client too slow, it is cut."""
        await self._late.wait()
        raise TimeoutError


async def _guarded(socket: WebSocket, sending: Coroutine[Any, Any, None]) -> None:
    try:
        await sending
    except TimeoutError:
        await _close(socket, TOO_SLOW, "too slow")
    except TraceoError as error:
        await _close(socket, TRY_AGAIN, error.message)
    except WebSocketDisconnect:
        pass


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1):
            await socket.close(code, reason[:100])


async def _until_left(socket: WebSocket, hear: Callable[[str], Awaitable[None]] | None) -> None:
    """What a client says is heard one after the other, if at all; that it goes is waited for."""
    while True:
        text = await socket.receive_text()
        if hear is not None:
            await hear(text)
