import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.receivers.stubs import BAD, PARTIAL, make_bench
from traceo.errors import BadData, DiskFull, Overloaded, PayloadTooLarge, StoreError, StoreUnavailable, TraceoError
from traceo.store.base import Outcome, Request, Signal


async def submit_all(bench, bodies, tenant="t"):
    batcher = bench.ingest.batchers[Signal.TRACES]
    tasks = (batcher.submit(Request(tenant, body)) for body in bodies)
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_requests_that_arrive_together_are_one_block_sorted_by_tenant() -> None:
    async def run() -> None:
        bench = make_bench()
        batcher = bench.ingest.batchers[Signal.LOGS]
        given = [Request(tenant, body) for tenant, body in (("b", b"1"), ("a", b"2"), ("b", b"3"), ("a", b"4"))]
        assert await asyncio.gather(*map(batcher.submit, given)) == [Outcome()] * 4
        assert [[request.body for request in block] for block in bench.store.blocks] == [[b"2", b"4", b"1", b"3"]]

    asyncio.run(run())


def test_lone_request_is_answered_before_the_delay_is_over() -> None:
    async def run() -> None:
        bench = make_bench(batch_max_delay=60.0)
        async with asyncio.timeout(30):
            assert await submit_all(bench, [b"x"]) == [Outcome()]

    asyncio.run(run())


@pytest.mark.parametrize("culprits", [{0}, {7}, {3, 4}, {1, 5, 9}, set(range(10))], ids=str)
def test_only_senders_of_corrupt_bodies_get_bad_data(culprits: set[int]) -> None:
    async def run() -> None:
        bench = make_bench()
        bodies = [BAD if index in culprits else b"good %d" % index for index in range(10)]
        answers = await submit_all(bench, bodies)
        assert {index for index, answer in enumerate(answers) if isinstance(answer, BadData)} == culprits
        assert sorted(request.body for request in bench.store.stored) == sorted(body for body in bodies if body != BAD)

    asyncio.run(run())


def test_batch_grows_while_an_insert_runs_up_to_its_largest_size() -> None:
    async def run() -> None:
        bench = make_bench(batch_max_bytes=100)
        bench.store.gate.clear()
        first = asyncio.create_task(submit_all(bench, [b"x" * 100]))
        await bench.store.arrived.wait()
        rest = asyncio.create_task(submit_all(bench, [b"y" * 40] * 5 + [b"z" * 150]))
        while bench.budget.used < 450:  # noqa: ASYNC110
            await asyncio.sleep(0)
        bench.store.gate.set()
        await asyncio.gather(first, rest)
        assert [len(block) for block in bench.store.blocks] == [1, 2, 2, 1, 1]
        assert bench.budget.used == 0

    asyncio.run(run())


def test_full_buffer_refuses_until_there_is_room_over_all_signals() -> None:
    async def run() -> None:
        bench = make_bench(buffer_max_bytes=100, batch_max_bytes=100, max_decompressed=100)
        bench.store.gate.clear()
        held = asyncio.create_task(submit_all(bench, [b"x" * 60]))
        await bench.store.arrived.wait()
        logs = bench.ingest.batchers[Signal.LOGS]
        with pytest.raises(Overloaded) as raised:
            await logs.submit(Request("t", b"x" * 41))
        assert raised.value.retry_after_s > 0
        with pytest.raises(PayloadTooLarge):
            await logs.submit(Request("t", b"x" * 101))
        bench.store.gate.set()
        await held
        assert await logs.submit(Request("t", b"x" * 41)) == Outcome()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("raised", "seen"),
    [(StoreUnavailable("gone"), StoreUnavailable), (DiskFull("full"), DiskFull), (ZeroDivisionError(), StoreError)],
    ids=["unavailable", "disk", "unexpected"],
)
def test_failure_of_the_store_reaches_every_sender(raised: Exception, seen: type[Exception]) -> None:
    async def run() -> None:
        bench = make_bench()
        bench.store.fail_with = raised
        assert [type(answer) for answer in await submit_all(bench, [b"1", b"2"])] == [seen, seen]
        assert bench.budget.used == 0 and len(bench.store.attempts) == 1

    asyncio.run(run())


def test_nothing_is_buffered_while_the_disk_is_full() -> None:
    def refuse() -> None:
        raise DiskFull("no room")

    async def run() -> None:
        bench = make_bench(can_write=refuse)
        assert [type(answer) for answer in await submit_all(bench, [b"1"])] == [DiskFull]
        assert bench.store.attempts == []

    asyncio.run(run())


def test_request_of_a_client_that_left_is_committed_all_the_same() -> None:
    async def run() -> None:
        bench = make_bench()
        task = asyncio.create_task(bench.ingest.batchers[Signal.TRACES].submit(Request("t", b"left")))
        await asyncio.sleep(0)
        task.cancel()
        await submit_all(bench, [b"stayed"])
        assert {request.body for request in bench.store.stored} == {b"left", b"stayed"}

    asyncio.run(run())


def test_drain_commits_what_is_here_and_takes_no_more() -> None:
    async def run() -> None:
        bench = make_bench(batch_max_delay=60.0, batch_max_bytes=10)
        batcher = bench.ingest.batchers[Signal.TRACES]
        tasks = [asyncio.create_task(batcher.submit(Request("t", b"x" * 8))) for _ in range(3)]
        await asyncio.sleep(0)
        await batcher.drain()
        assert await asyncio.gather(*tasks) == [Outcome()] * 3
        with pytest.raises(Overloaded, match="shutting down"):
            await batcher.submit(Request("t", b"late"))

    asyncio.run(run())


REQUESTS = st.lists(
    st.tuples(st.integers(0, 120), st.sampled_from(["good", "bad", "partial", "left"]), st.sampled_from("abc")),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(REQUESTS, st.sampled_from([None, StoreUnavailable("gone")]), st.integers(1, 3))
def test_every_request_is_committed_once_or_answered_with_an_error(requests, failure, waves) -> None:
    marks = {"good": b"", "left": b"", "bad": BAD, "partial": PARTIAL}

    async def run() -> None:
        bench = make_bench(buffer_max_bytes=2000, batch_max_bytes=200, max_decompressed=2000, batch_max_delay=0.001)
        bench.store.fail_with = failure
        batcher = bench.ingest.batchers[Signal.METRICS]
        made = [
            (Request(tenant, b"%d:" % index + marks[kind] + b"x" * size), kind)
            for index, (size, kind, tenant) in enumerate(requests)
        ]
        tasks = []
        for index, (request, kind) in enumerate(made):
            tasks.append(asyncio.create_task(batcher.submit(request)))
            if index % waves == 0:
                await asyncio.sleep(0)
            if kind == "left":
                tasks[-1].cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        await batcher.drain()
        stored = [request.body for request in bench.store.stored]
        assert len(stored) == len(set(stored))
        for (request, kind), answer in zip(made, answers, strict=True):
            if not isinstance(answer, asyncio.CancelledError):
                assert isinstance(answer, Outcome) == (request.body in stored)
                assert isinstance(answer, Outcome | TraceoError)
                assert isinstance(answer, BadData) == (
                    kind == "bad" and not isinstance(answer, Overloaded | StoreUnavailable)
                )
        assert bench.budget.used == 0

    asyncio.run(run())
