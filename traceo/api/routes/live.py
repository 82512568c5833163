"""What changes while a page is open, over WebSocket."""

import contextlib
from collections.abc import AsyncGenerator
from typing import cast

from fastapi import APIRouter, WebSocket

from traceo.api.errors import answer_error
from traceo.api.sockets import accept, authorize, put_frame, send_until_left
from traceo.errors import TraceoError
from traceo.live.changes import Change, Changes

router = APIRouter(tags=["stream"])


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Frames of JSON: `{"type": "started"}`, then `{"type": "changed", "items": {...}, "services": [...]}`."""
    try:
        tenant = await authorize(socket)
        changes = cast(Changes, socket.app.state.changes)
        async with contextlib.aclosing(changes.follow(tenant)) as frames:
            await anext(frames)
            await accept(socket)
            await send_until_left(socket, _send(socket, frames))
    except TraceoError as error:
        await socket.send_denial_response(answer_error(error))


async def _send(socket: WebSocket, frames: AsyncGenerator[Change, None]) -> None:
    await put_frame(socket, {"type": "started"})
    async for change in frames:
        services = [
            {"service": service, "before": before, "health": health}
            for service, (before, health) in change.services.items()
        ]
        within_ms = round(1000 * change.within_s)
        frame = {"type": "changed", "items": change.items, "services": services, "within_ms": within_ms}
        await put_frame(socket, frame)
