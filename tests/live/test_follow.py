"""Live tails on the engine: every new row once, bounded buffers, shared reading."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from tests.query.engine import engine
from tests.query.telemetry import logs, span, traces
from traceo.config import Query
from traceo.errors import LimitExceeded, QueryError
from traceo.live import feed, follow
from traceo.live.feed import Resume
from traceo.live.follow import Batch, Live
from traceo.live.watch import Watch, watch_logs, watch_spans
from traceo.query.logs import LogSearch
from traceo.query.run import Queries
from traceo.query.search import TraceSearch
from traceo.query.sql import TimeRange
from traceo.store.base import Batch as Block
from traceo.store.base import Request, Signal

ANY = TimeRange(0, 1)
ALL_LOGS, ALL_SPANS = watch_logs(LogSearch(ANY)), watch_spans(TraceSearch(ANY))


@pytest.fixture(scope="module", autouse=True)
def opened() -> None:
    engine()  # it cannot be opened inside of a loop


def make_live(max_per_tenant: int = 10) -> Live:
    return Live(Queries(engine(), Query()), max_per_tenant=max_per_tenant, interval_s=0.01)


async def send(tenant: str, *bodies: str, block: Block | None = None, recent: bool = False, **fields: Any) -> None:
    records = [
        {"time_unix_nano": time.time_ns() + n, "body": body, "attributes": {"code": 500}, **fields}
        for n, body in enumerate(bodies)
    ]
    await engine().insert(Signal.LOGS, [Request(tenant, logs("shop", records), recent)], block)


async def take(batches: AsyncGenerator[Batch, None], rows: int) -> tuple[list[bytes], int]:
    """Bodies of so many rows, and what was dropped meanwhile."""
    found: list[bytes] = []
    dropped = 0
    async with asyncio.timeout(20):
        while len(found) + dropped < rows:
            batch = await anext(batches)
            found += [row["body"] for row in batch.rows]
            dropped += batch.dropped
    return found, dropped


@contextlib.asynccontextmanager
async def tail(tenant: str, watch: Watch = ALL_LOGS, live: Live | None = None) -> Any:
    async with contextlib.aclosing((live or make_live()).follow(tenant, watch)) as batches:
        assert await anext(batches) == Batch([])
        yield batches


def test_only_what_arrives_later_is_shown_and_each_row_once() -> None:
    async def work() -> None:
        await send("live-later", "before")
        async with tail("live-later") as batches:
            for number in range(5):
                await send("live-later", f"a{number}", f"b{number}")
                assert await take(batches, 2) == ([b"a%d" % number, b"b%d" % number], 0)

    asyncio.run(work())


def test_tail_that_goes_on_has_what_arrived_meanwhile_and_nothing_twice() -> None:
    async def work() -> None:
        live, since, seen = make_live(), int(time.time()), Counter[tuple[int, int]]()
        async with tail("live-again", live=live) as batches:
            await send("live-again", "same", "same", time_unix_nano=7, observed_time_unix_nano=7)
            while seen.total() < 2:
                seen.update((row["second"], row["place"]) for row in (await anext(batches)).rows)
        await send("live-again", "same", time_unix_nano=7, observed_time_unix_nano=7)
        await send("live-again", "missed")
        resume = Resume(since, seen)
        async with contextlib.aclosing(live.follow("live-again", ALL_LOGS, resume)) as again:
            first = await anext(again)
            assert (sorted(row["body"] for row in first.rows), first.dropped) == ([b"missed", b"same"], 0)
            await send("live-again", "later")
            assert await take(again, 1) == ([b"later"], 0)

    asyncio.run(work())


def test_tail_that_goes_on_after_long_has_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MAX_ROWS", 2)

    async def work() -> None:
        await send("live-long-ago", *(f"line {n}" for n in range(5)))
        async with contextlib.aclosing(make_live().follow("live-long-ago", ALL_LOGS, Resume(0, Counter()))) as again:
            first = await anext(again)
            assert ([row["body"] for row in first.rows], first.dropped) == ([b"line 3", b"line 4"], 3)

    asyncio.run(work())


def test_rows_that_are_alike_are_all_shown() -> None:
    async def work() -> None:
        async with tail("live-alike") as batches:
            for _ in range(3):
                await send("live-alike", "same", time_unix_nano=7, observed_time_unix_nano=7)
            assert await take(batches, 3) == ([b"same"] * 3, 0)

    asyncio.run(work())


def test_block_that_commits_late_is_shown() -> None:
    async def work() -> None:
        async with tail("live-late") as batches:
            first, second = Block.new(), Block.new()
            await send("live-late", "second", block=second)
            assert await take(batches, 1) == ([b"second"], 0)
            await send("live-late", "first", block=first)
            assert await take(batches, 1) == ([b"first"], 0)

    asyncio.run(work())


def test_record_that_waits_for_its_trace_is_shown_once() -> None:
    async def work() -> None:
        async with tail("live-recent") as batches:
            await send("live-recent", "resting", recent=True, trace_id=b"t" * 16, severity_number=9)
            assert await take(batches, 1) == ([b"resting"], 0)

    asyncio.run(work())


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (LogSearch(ANY, service="shop"), [b"GET /cart failed", b"POST /pay"]),
        (LogSearch(ANY, service="other"), []),
        (LogSearch(ANY, text="failed"), [b"GET /cart failed"]),
        (LogSearch(ANY, text='"/pay"'), [b"POST /pay"]),
        (LogSearch(ANY, min_severity=17), []),
        (LogSearch(ANY, attributes=(("code", "500"),)), [b"GET /cart failed", b"POST /pay"]),
        (LogSearch(ANY, resource=(("service.name", "shop"),)), [b"GET /cart failed", b"POST /pay"]),
    ],
    ids=["service", "another service", "word", "phrase", "severity", "attribute", "resource"],
)
def test_filter_holds(search: LogSearch, found: list[bytes]) -> None:
    async def work() -> None:
        live = make_live()
        async with tail("live-filter", watch_logs(search), live) as batches, tail("live-filter", live=live) as all_:
            await send("live-filter", "GET /cart failed", "POST /pay", severity_number=9)
            await take(all_, 2)
            if found:
                assert await take(batches, len(found)) == (found, 0)
            else:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await anext(batches)

    asyncio.run(work())


def test_spans_are_followed() -> None:
    async def work() -> None:
        slow = watch_spans(TraceSearch(ANY, service="shop", min_duration_ns=10**9))
        async with tail("live-spans", slow) as batches:
            spans = [span(1, n, time.time_ns(), duration_ns=n * 10**8) for n in (1, 11)]
            await engine().insert(Signal.TRACES, [Request("live-spans", traces("shop", spans), recent=True)])
            async with asyncio.timeout(20):
                batch = await anext(batches)
            assert [row["span_id"] for row in batch.rows] == [(11).to_bytes(8, "big")]

    asyncio.run(work())


def test_other_tenants_are_not_seen() -> None:
    async def work() -> None:
        async with tail("live-mine") as batches:
            await send("live-other", "secret")
            await send("live-mine", "mine")
            assert await take(batches, 1) == ([b"mine"], 0)

    asyncio.run(work())


def test_what_is_too_much_at_once_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MAX_ROWS", 10)

    async def work() -> None:
        async with tail("live-much") as batches:
            block = Block.new()
            await send("live-much", *(f"line {n}" for n in range(25)), block=block)
            rows, dropped = await take(batches, 25)
            assert (rows, dropped) == ([b"line %d" % n for n in range(15, 25)], 15)
            await send("live-much", *(f"more {n}" for n in range(3)), block=block.part(1))
            rows, dropped = await take(batches, 3)
            assert len(rows) + dropped == 3

    asyncio.run(work())


def test_client_that_does_not_read_loses_its_oldest_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "BUFFER_ROWS", 3)

    async def work() -> None:
        live = make_live()
        async with tail("live-slow", live=live) as slow, tail("live-slow", live=live) as quick:
            for number in range(5):
                await send("live-slow", f"line {number}")
                assert await take(quick, 1) == ([b"line %d" % number], 0)
            assert await take(slow, 5) == ([b"line 2", b"line 3", b"line 4"], 2)

    asyncio.run(work())


def test_long_lines_are_cut_and_fill_a_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "BUFFER_BYTES", 50_000)

    async def work() -> None:
        async with tail("live-long") as batches:
            await send("live-long", "x" * (1 << 20), "y" * (1 << 20))
            rows, dropped = await take(batches, 2)
            assert (rows, dropped) == ([b"y" * (32 << 10)], 1)

    asyncio.run(work())


def test_clients_of_one_filter_share_its_reading_and_end_with_the_last() -> None:
    async def work() -> None:
        live = make_live()
        async with tail("live-shared", live=live), tail("live-shared", watch_logs(LogSearch(ANY)), live):
            (pulse,) = live._pulses.values()
            assert len(pulse.feeds) == 1
        assert live._pulses == {} and live._clients == {}

    asyncio.run(work())


def test_tenant_has_so_many_tails() -> None:
    async def work() -> None:
        live = make_live(max_per_tenant=1)
        async with tail("live-limit", live=live):
            with pytest.raises(LimitExceeded, match="max_tails_per_tenant"):
                await anext(live.follow("live-limit", ALL_LOGS))
        async with tail("live-limit", live=live):
            pass

    asyncio.run(work())


def test_conditions_that_the_engine_refuses_end_that_tail_only() -> None:
    def conditions(pattern: str) -> Callable[[Any], list[str]]:
        return lambda scope: [f"match(body, {scope.bind(pattern)})"]

    async def work() -> None:
        live = make_live()
        async with tail("live-bad", live=live) as batches:
            with pytest.raises(QueryError):
                await anext(live.follow("live-bad", Watch("logs", "bad", conditions("(a"))))
            await send("live-bad", "fine")
            assert await take(batches, 1) == ([b"fine"], 0)

    asyncio.run(work())
