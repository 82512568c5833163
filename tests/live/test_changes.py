"""Changes for open pages: one frame waits, whatever happens meanwhile; services whose health is another one."""

import asyncio
import contextlib
import time
from typing import Any

import pytest

from tests.query.engine import engine
from tests.query.telemetry import logs, span, traces
from traceo.config import Query
from traceo.errors import LimitExceeded
from traceo.live import changes
from traceo.live.changes import Change, Changes
from traceo.query.run import Queries
from traceo.store.base import Request, Signal


@pytest.fixture(scope="module", autouse=True)
def opened() -> None:
    engine()  # it cannot be opened inside of a loop


def make_changes() -> Changes:
    return Changes(Queries(engine(), Query()), interval_s=0.01)


async def send_logs(tenant: str, count: int) -> None:
    records = [{"time_unix_nano": time.time_ns(), "body": f"line {n}"} for n in range(count)]
    await engine().insert(Signal.LOGS, [Request(tenant, logs("shop", records))])


async def next_of(frames: Any) -> Change:
    async with asyncio.timeout(20):
        return await anext(frames)


def test_page_that_reads_nothing_has_one_frame_to_read() -> None:
    async def work() -> None:
        shared = make_changes()
        async with (
            contextlib.aclosing(shared.follow("lazy")) as lazy,
            contextlib.aclosing(shared.follow("lazy")) as busy,
        ):
            assert (await next_of(lazy), await next_of(busy)) == (Change(), Change())
            for count in (2, 3, 4):
                await send_logs("lazy", count)
                assert (await next_of(busy)).items == {"logs": count}
            assert len(shared._loops) == 1
            assert (await next_of(lazy)).items == {"logs": 9}
        assert shared._loops == {}

    asyncio.run(work())


def test_service_that_fails_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "HEALTH_EVERY_S", 0.0)

    async def send(first: int, code: int) -> None:
        spans = [span(first + n, 1, time.time_ns() - 10**9, status={"code": code}) for n in range(20)]
        await engine().insert(Signal.TRACES, [Request("judged", traces("pay", spans))])

    async def work() -> None:
        await send(1, 0)
        async with contextlib.aclosing(make_changes().follow("judged")) as frames:
            await next_of(frames)
            await send(100, 2)
            seen = Change()
            while not seen.services:
                seen.add(await next_of(frames))
            assert seen.services == {"pay": ("healthy", "failing")}

    asyncio.run(work())


def test_frames_become_one() -> None:
    first = Change({"logs": 1}, {"a": ("healthy", "degraded")}, 1.0)
    first.add(Change({"logs": 2, "traces": 3}, {"a": ("degraded", "failing"), "b": ("idle", "healthy")}, 0.5))
    assert first == Change({"logs": 3, "traces": 3}, {"a": ("healthy", "failing"), "b": ("idle", "healthy")}, 1.0)
    first.add(Change({}, {f"service-{n}": ("healthy", "failing") for n in range(changes.MAX_SERVICES)}))
    assert len(first.services) == changes.MAX_SERVICES


def test_too_many_pages_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MAX_PAGES", 1)

    async def work() -> None:
        shared = make_changes()
        async with contextlib.aclosing(shared.follow("crowd")) as frames:
            await next_of(frames)
            with pytest.raises(LimitExceeded):
                await next_of(shared.follow("crowd"))

    asyncio.run(work())
