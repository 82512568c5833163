"""Live tails over WebSocket: log records or spans that meet a filter, as they arrive."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated, cast

from fastapi import APIRouter, Query, WebSocket

from traceo.api.errors import answer_error
from traceo.api.sockets import accept, authorize, put_frame, send_until_left
from traceo.api.tails import TailFilter, show_batch, watch_of
from traceo.errors import TraceoError
from traceo.live.follow import Batch, Live
from traceo.live.watch import Watch

router = APIRouter(tags=["stream"])


@router.websocket("/stream")
async def stream(socket: WebSocket, wanted: Annotated[TailFilter, Query()]) -> None:
    """Frames of JSON: `{"type": "started"}`, then `{"type": "logs" | "spans", "logs": [...], "dropped": 0}`."""
    try:
        tenant = await authorize(socket)
        await _follow(socket, tenant, watch_of(wanted))
    except TraceoError as error:
        await socket.send_denial_response(answer_error(error))


async def _follow(socket: WebSocket, tenant: str, watch: Watch) -> None:
    """Raises TraceoError while nothing has been accepted yet."""
    live = cast(Live, socket.app.state.live)
    async with contextlib.aclosing(live.follow(tenant, watch)) as batches:
        await anext(batches)
        await accept(socket)
        await send_until_left(socket, _send(socket, batches, watch.signal))


async def _send(socket: WebSocket, batches: AsyncGenerator[Batch, None], signal: str) -> None:
    try:
        await put_frame(socket, {"type": "started"})
        async for batch in batches:
            await put_frame(socket, show_batch(signal, batch))
    except TraceoError as error:
        await put_frame(socket, {"type": "error", "message": error.message})
        raise
