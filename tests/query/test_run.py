"""What is asked several times at once is read once."""

import asyncio

import pytest

from tests.query.engine import engine
from traceo.config import Query as QuerySettings
from traceo.query.run import Queries


@pytest.fixture
def queries() -> Queries:
    return Queries(engine(), QuerySettings())


def test_those_who_ask_the_same_at_once_share_an_answer(queries: Queries) -> None:
    async def work() -> None:
        asked, goes_on = [0], asyncio.Event()

        async def read() -> int:
            asked[0] += 1
            await goes_on.wait()
            return asked[0]

        first, second, third = (asyncio.create_task(queries.once("a", read)) for _ in range(3))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        goes_on.set()
        assert (await second, await third, first.cancelled()) == (1, 1, True)
        assert await queries.once("a", read) == 2

    asyncio.run(work())


def test_what_nobody_waits_for_is_stopped_and_a_failure_is_everybodys(queries: Queries) -> None:
    async def work() -> None:
        stopped = asyncio.Event()

        async def read() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        async def fail() -> None:
            raise ValueError

        waiting = [asyncio.create_task(queries.once("a", read)) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for each in waiting:
            each.cancel()
        await stopped.wait()
        failed = await asyncio.gather(*(queries.once("b", fail) for _ in range(2)), return_exceptions=True)
        assert [type(error) for error in failed] == [ValueError, ValueError]
        with pytest.raises(ValueError):
            await queries.once("b", fail)

    asyncio.run(work())
