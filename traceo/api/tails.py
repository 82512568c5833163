"""What may be tailed, and what a tail shows: over a socket of its own (`/stream`) or over a page's one (`/live`)."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from traceo.api.depends import parse_pairs
from traceo.api.errors import describe_error
from traceo.api.times import parse_duration
from traceo.errors import InvalidRequest, LimitExceeded, TraceoError
from traceo.live.feed import LONGEST_BACK_S, Resume
from traceo.live.follow import Batch, Live
from traceo.live.watch import Watch, watch_logs, watch_spans
from traceo.query.logql.following import follow_conditions, parse_followed
from traceo.query.logs import LogSearch, parse_severity, show_record
from traceo.query.run import Row
from traceo.query.search import TraceSearch
from traceo.query.sql import TimeRange
from traceo.query.traces import parse_trace_id, show_spans
from traceo.store.attributes import decode_map

ANY_TIME = TimeRange(0, 1)  # a tail has no range
MAX_TAILS = 4  # of one page
MAX_SEEN = 1000  # rows that a page names when it goes on
RowId = Annotated[str, StringConstraints(pattern=r"^\d{1,10}-\d{1,20}$")]
Put = Callable[[dict[str, Any]], Awaitable[None]]


class TailFilter(BaseModel):
    """Which rows."""

    signal: str = Field("logs", description="logs or spans")
    service: str = ""
    attr: list[str] = Field([], description="key=value; may be repeated, all must hold")
    resource: list[str] = Field([], description="key=value; may be repeated, all must hold")
    query: str = Field("", description="LogQL: a selector and line filters", max_length=5000)
    text: str = ""
    min_severity: str = ""
    trace_id: str = ""
    operation: str = ""
    status: str = ""
    min_duration: str = ""
    max_duration: str = ""


class Start(TailFilter):
    """A tail begins, or goes on: `since` is a second of arrival, `seen` are ids of rows that are known."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["tail"]
    id: str = Field(max_length=40)
    since: int | None = Field(None, ge=0)
    seen: list[RowId] = Field([], max_length=MAX_SEEN)


class Stop(BaseModel):
    """A tail ends."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["stop"]
    id: str = Field(max_length=40)


MESSAGES: dict[str, type[Start] | type[Stop]] = {"tail": Start, "stop": Stop}


def watch_of(wanted: TailFilter) -> Watch:
    """What such a tail follows. Raises InvalidRequest, QueryError."""
    if wanted.signal not in SHOW:
        raise InvalidRequest(f"signal {wanted.signal[:40]!r} is neither logs nor spans")
    pairs, resource = parse_pairs(wanted.attr), parse_pairs(wanted.resource)
    if wanted.signal == "spans":
        least, most = (parse_duration(text) if text else None for text in (wanted.min_duration, wanted.max_duration))
        operation, status = wanted.operation, wanted.status
        return watch_spans(TraceSearch(ANY_TIME, wanted.service, operation, status, least, most, pairs, resource))
    severity = parse_severity(wanted.min_severity) if wanted.min_severity else 0
    trace = parse_trace_id(wanted.trace_id) if wanted.trace_id else b""
    watch = watch_logs(LogSearch(ANY_TIME, wanted.text, severity, wanted.service, trace, pairs, resource))
    return _with_logql(watch, wanted.query) if wanted.query else watch


def _with_logql(watch: Watch, text: str) -> Watch:
    """The same, and what the query selects. Raises ParseError."""
    lines = parse_followed(text)
    return Watch(
        watch.signal, (watch.key, text), lambda scope: [*watch.conditions(scope), *follow_conditions(scope, lines)]
    )


def show_batch(signal: str, batch: Batch) -> dict[str, Any]:
    """A frame."""
    return {"type": signal, signal: SHOW[signal](batch.rows), "dropped": batch.dropped}


class PageTails:
    """The tails of one page, over its one socket: each in a task, with the bounded buffer that every tail has."""

    def __init__(self, live: Live, tenant: str, put: Put) -> None:
        self._live = live
        self._tenant = tenant
        self._put = put
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def hear(self, text: str) -> None:
        """A message of the page; what is wrong with it is answered."""
        named = ""
        try:
            message = read_message(text)
            named = message.id
            if isinstance(message, Start):
                self._start(message)
            else:
                await self._stop(message.id)
        except TraceoError as error:
            await self._refuse(named, error)

    async def close(self) -> None:
        """The page has gone."""
        for name in list(self._tasks):
            await self._stop(name)

    def _start(self, message: Start) -> None:
        if message.id in self._tasks:
            raise InvalidRequest(f"this page has a tail {message.id!r} already: stop it first")
        if len(self._tasks) >= MAX_TAILS:
            raise LimitExceeded(f"a page has {MAX_TAILS} tails at most: stop one")
        watch = watch_of(message)
        seen = Counter((int(second), int(place)) for second, _, place in (id_.partition("-") for id_ in message.seen))
        resume = None if message.since is None else Resume(message.since, seen)
        task = asyncio.create_task(self._follow(message.id, watch, resume), name=f"page's tail {message.signal}")
        self._tasks[message.id] = task

    async def _stop(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _follow(self, name: str, watch: Watch, resume: Resume | None) -> None:
        since = int(time.time())
        if resume:
            since = max(resume.since, since - LONGEST_BACK_S)
        try:
            async with contextlib.aclosing(self._live.follow(self._tenant, watch, resume)) as batches:
                first = await anext(batches)
                await self._put({"type": "tailing", "id": name, "since": since})
                await self._send(name, watch.signal, first)
                async for batch in batches:
                    await self._send(name, watch.signal, batch)
        except TraceoError as error:
            self._tasks.pop(name, None)
            await self._refuse(name, error)

    async def _send(self, name: str, signal: str, batch: Batch) -> None:
        if batch.rows or batch.dropped:
            ids = [f"{row['second']}-{row['place']}" for row in batch.rows]
            await self._put({**show_batch(signal, batch), "id": name, "ids": ids})

    async def _refuse(self, name: str, error: TraceoError) -> None:
        status, body = describe_error(error)
        await self._put({"type": "refused", "id": name, "status": status, "error": body})


def read_message(text: str) -> Start | Stop:
    """What a page says. Raises InvalidRequest."""
    try:
        said = pydantic.TypeAdapter(dict[str, Any]).validate_json(text)
        kind = MESSAGES.get(str(said.get("type")))
        if kind is None:
            raise InvalidRequest(f"type {str(said.get('type'))[:40]!r} is neither tail nor stop")
        return kind.model_validate(said)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidRequest(f"{place}: {first['msg']}" if place else f"not a message: {first['msg']}") from error


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
