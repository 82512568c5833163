"""Live tails over WebSocket: log records or spans that meet a filter, as they arrive."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Annotated, cast

from fastapi import APIRouter, Query, WebSocket

from traceo.api.depends import Pairs, parse_pairs
from traceo.api.errors import answer_error
from traceo.api.sockets import accept, authorize, put_frame, send_until_left
from traceo.api.times import parse_duration
from traceo.errors import InvalidRequest, TraceoError
from traceo.live.follow import Batch, Live
from traceo.live.watch import Watch, watch_logs, watch_spans
from traceo.query.logql.following import follow_conditions, parse_followed
from traceo.query.logs import LogSearch, parse_severity, show_record
from traceo.query.run import Row
from traceo.query.search import TraceSearch
from traceo.query.sql import TimeRange
from traceo.query.traces import parse_trace_id, show_spans
from traceo.store.attributes import decode_map

router = APIRouter(tags=["stream"])

ANY_TIME = TimeRange(0, 1)  # a tail has no range


@router.websocket("/stream")
async def stream(
    socket: WebSocket,
    signal: Annotated[str, Query(description="logs or spans")] = "logs",
    service: str = "",
    attr: Pairs = [],  # noqa: B006  (FastAPI copies it)
    resource: Pairs = [],  # noqa: B006
    query: Annotated[str, Query(description="LogQL: a selector and line filters", max_length=5000)] = "",
    text: str = "",
    min_severity: str = "",
    trace_id: str = "",
    operation: str = "",
    status: str = "",
    min_duration: str = "",
    max_duration: str = "",
) -> None:
    """Frames of JSON: `{"type": "started"}`, then `{"type": "logs" | "spans", "logs": [...], "dropped": 0}`."""
    try:
        tenant = await authorize(socket)
        if signal not in SHOW:
            raise InvalidRequest(f"signal {signal[:40]!r} is neither logs nor spans")
        pairs, resource_pairs = parse_pairs(attr), parse_pairs(resource)
        if signal == "logs":
            severity = parse_severity(min_severity) if min_severity else 0
            trace = parse_trace_id(trace_id) if trace_id else b""
            watch = watch_logs(LogSearch(ANY_TIME, text, severity, service, trace, pairs, resource_pairs))
            watch = _with_logql(watch, query) if query else watch
        else:
            least, most = (parse_duration(value) if value else None for value in (min_duration, max_duration))
            watch = watch_spans(TraceSearch(ANY_TIME, service, operation, status, least, most, pairs, resource_pairs))
        await _follow(socket, tenant, watch)
    except TraceoError as error:
        await socket.send_denial_response(answer_error(error))


def _with_logql(watch: Watch, text: str) -> Watch:
    """The same, and what the query selects. Raises ParseError."""
    lines = parse_followed(text)
    return Watch(
        watch.signal, (watch.key, text), lambda scope: [*watch.conditions(scope), *follow_conditions(scope, lines)]
    )


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
            shown = SHOW[signal](batch.rows)
            await put_frame(socket, {"type": signal, signal: shown, "dropped": batch.dropped})
    except TraceoError as error:
        await put_frame(socket, {"type": "error", "message": error.message})
        raise


def _show_records(rows: list[Row]) -> list[Row]:
    return [show_record(row) for row in rows]


def _show_spans(rows: list[Row]) -> list[Row]:
    if not rows:
        return []
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    columns["attributes"] = [decode_map(row["attributes"]) for row in rows]
    shown = show_spans(columns, [{}] * len(rows))
    return [{"trace_id": row["trace_id"].hex(), **span} for row, span in zip(rows, shown, strict=True)]


SHOW: dict[str, Callable[[list[Row]], list[Row]]] = {"logs": _show_records, "spans": _show_spans}
