"""Work beside the servers: a loop that ends is noticed."""

import asyncio
import logging

import pytest

from traceo.background import start_loops


async def fail() -> None:
    raise ValueError("nobody thought of this")


async def wait() -> None:
    await asyncio.Event().wait()


async def run_both() -> list[asyncio.Task[None]]:
    failing, waiting = start_loops([fail(), wait()])
    await asyncio.wait([failing])
    waiting.cancel()
    await asyncio.wait([waiting])
    return [failing, waiting]


def test_loop_that_ends_by_itself_is_told_and_one_that_is_cancelled_is_not(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL):
        failing, _ = asyncio.run(run_both())
    (record,) = caplog.records
    assert record.fields == {"loop": "fail"}  # type: ignore[attr-defined]
    assert record.exc_info and record.exc_info[1] is failing.exception()
