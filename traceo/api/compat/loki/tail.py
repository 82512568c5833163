"""Tails over WebSocket: first what is there since `start`, then lines as they arrive, in Loki's frames.

A client that takes nothing is cut; lines that find no room in its buffer are told as dropped.
"""

import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any, cast

from fastapi import APIRouter, WebSocket

from traceo.api.compat.loki.answer import answer_error
from traceo.api.compat.loki.encode import CATEGORIZE, group_lines, wants_categories
from traceo.api.compat.loki.language import parse_lines, placed
from traceo.api.compat.loki.params import DEFAULT_LIMIT, HOUR_NS, MAX_LIMIT, read_duration, read_limit, read_time
from traceo.api.compat.prometheus.params import Params
from traceo.api.depends import find_caller
from traceo.api.sockets import put_frame, send_until_left
from traceo.errors import InvalidRequest, TraceoError
from traceo.live.follow import Batch, Live
from traceo.live.watch import Watch
from traceo.query.logql.ast import Pipeline
from traceo.query.logql.evaluate import Line, read_lines
from traceo.query.logql.following import first_filters, follow_conditions
from traceo.query.run import Queries
from traceo.query.sql import TimeRange

router = APIRouter()
MAX_DELAY_S = 5
SHOWN_DROPS = 100  # of one frame


@router.websocket("/tail")
async def tail(socket: WebSocket) -> None:
    """Frames of JSON: `{"streams": [...], "dropped_entries": [...]}`."""
    try:
        tenant = (await find_caller(socket, "query")).tenant
        params = Params(list(socket.query_params.multi_items()))
        query = parse_lines(params.get("query"))
        if read_duration(params, "delay_for", 0) > MAX_DELAY_S * 10**9:
            raise InvalidRequest(f"delay_for can't be greater than {MAX_DELAY_S}")
        with placed(params.get("query")):
            await _Tail(socket, tenant, query, params).run()
    except TraceoError as error:
        await socket.send_denial_response(answer_error(error))


class _Tail:
    """One client."""

    def __init__(self, socket: WebSocket, tenant: str, query: Pipeline, params: Params) -> None:
        self._socket = socket
        self._tenant = tenant
        self._query = query
        self._text = params.get("query")
        self._start_ns = read_time(params, "start", time.time_ns() - HOUR_NS)
        self._limit = min(read_limit(params, DEFAULT_LIMIT), MAX_LIMIT)
        self._queries = cast(Queries, socket.app.state.queries)
        self._categorize = wants_categories(socket.headers)
        self._before: Counter[tuple[int, str]] = Counter()  # lines that may come again when the tail has just begun

    async def run(self) -> None:
        """Raises TraceoError while nothing has been accepted yet."""
        live, watch = cast(Live, self._socket.app.state.live), self._watch()
        async with contextlib.aclosing(live.follow(self._tenant, watch)) as batches:
            await anext(batches)
            before = await self._read_before()
            await self._socket.accept()
            await send_until_left(self._socket, self._send(before, batches))

    def _watch(self) -> Watch:
        """What other stages than filters of lines say is asked of what was found."""
        key = "loki", self._query.matchers, first_filters(self._query)
        return Watch("logs", key, lambda scope: follow_conditions(scope, self._query))

    async def _read_before(self) -> list[Line]:
        now = time.time_ns()
        if self._start_ns >= now:
            return []
        lines = await self._read(TimeRange(self._start_ns, now), self._limit)
        self._before.update((line.time_ns, line.text) for line in lines)
        return lines

    async def _read(self, between: TimeRange, limit: int) -> list[Line]:
        """The newest lines, oldest first."""
        return (await read_lines(self._queries, self._tenant, self._query, between, limit))[::-1]

    async def _send(self, before: list[Line], batches: AsyncGenerator[Batch, None]) -> None:
        if before:
            await self._put(before, 0)
        async for batch in batches:
            lines = await self._show(batch)
            if lines or batch.dropped:
                await self._put(lines, batch.dropped)

    async def _show(self, batch: Batch) -> list[Line]:
        """What the query makes of new records, which are known by their times."""
        times = {row["time_ns"] for row in batch.rows}
        if not times:
            return []
        lines = await self._read(TimeRange(min(times), max(times) + 1), MAX_LIMIT)
        return [line for line in lines if line.time_ns in times and not self._was_before(line)]

    def _was_before(self, line: Line) -> bool:
        """Whether it was read when the tail began: it may have arrived just then."""
        key = line.time_ns, line.text
        self._before[key] -= 1
        if self._before[key] >= 0:
            return True
        del self._before[key]
        return False

    async def _put(self, lines: list[Line], dropped: int) -> None:
        frame: dict[str, Any] = {"streams": group_lines(lines, categorize=self._categorize)}
        if dropped:
            entry = {"timestamp": str(time.time_ns()), "labels": {}}
            frame["dropped_entries"] = [entry] * min(dropped, SHOWN_DROPS)
        if self._categorize:
            frame["encodingFlags"] = [CATEGORIZE]
        await put_frame(self._socket, frame)
