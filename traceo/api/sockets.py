"""What WebSockets share: who calls, frames to clients that may be slow or gone."""

import asyncio
import contextlib
from collections.abc import Coroutine
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


async def send_until_left(socket: WebSocket, sending: Coroutine[Any, Any, None]) -> None:
    """Until all is sent, the client goes, or it is too slow, or what sends fails."""
    tasks = [asyncio.create_task(_guarded(socket, sending)), asyncio.create_task(_until_left(socket))]
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


async def _until_left(socket: WebSocket) -> None:
    """What a client says is not asked for; that it goes is."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()
