"""One WebSocket for a page that is open: what changes, and its tails."""

import contextlib
from collections.abc import AsyncGenerator
from typing import cast

from fastapi import APIRouter, WebSocket

from traceo.api.errors import answer_error
from traceo.api.sockets import Sender, accept, authorize, send_until_left
from traceo.api.tails import PageTails
from traceo.errors import TraceoError
from traceo.live.changes import Change, Changes
from traceo.live.follow import Live

router = APIRouter(tags=["stream"])


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Frames of JSON: `{"type": "started"}`, then `{"type": "changed", ...}`, and what the page's tails bring."""
    try:
        tenant = await authorize(socket)
        changes = cast(Changes, socket.app.state.changes)
        async with contextlib.aclosing(changes.follow(tenant)) as frames:
            await anext(frames)
            await accept(socket)
            sender = Sender(socket)
            tails = PageTails(cast(Live, socket.app.state.live), tenant, sender.put)
            try:
                await send_until_left(socket, _send(sender, frames), sender.watch(), hear=tails.hear)
            finally:
                await tails.close()
    except TraceoError as error:
        await socket.send_denial_response(answer_error(error))


async def _send(sender: Sender, frames: AsyncGenerator[Change, None]) -> None:
    await sender.put({"type": "started"})
    async for change in frames:
        services = [
            {"service": service, "before": before, "health": health}
            for service, (before, health) in change.services.items()
        ]
        within_ms = round(1000 * change.within_s)
        await sender.put({"type": "changed", "items": change.items, "services": services, "within_ms": within_ms})
