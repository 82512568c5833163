"""Edges over ten minutes, hours and days are the sums of their minutes."""

import asyncio
import itertools

import pytest

from tests.query.engine import engine
from traceo.catalog.blocks import roll_blocks
from traceo.config import Query as QuerySettings
from traceo.query.run import Queries
from traceo.query.service_map import list_all_edges
from traceo.query.sql import TimeRange

HOUR, DAY = 3600, 86400
BEGIN = 1_600_000_000 // DAY * DAY  # of no other test
ROWS = """
INSERT INTO service_edges
SELECT {tenant:String}, toDateTime({first:Int64} + 60 * number, 'UTC'), 'a', concat('b', toString(number % 2)), 'call',
    {calls:UInt64}, number % 3, 5, map(toUInt16(300 + number % 50), {calls:UInt64}), now64(3)
FROM numbers({minutes:UInt64})
"""
FORGET = "ALTER TABLE service_edges DELETE WHERE tenant = {tenant:String} SETTINGS mutations_sync = 2"
numbers = itertools.count(1)


@pytest.fixture
def tenant() -> str:
    return f"blocks-{next(numbers)}"


def execute(sql: str, **params: object) -> None:
    asyncio.run(engine().execute(sql, params))


def edges(tenant: str, first: int, last: int) -> list[dict[str, object]]:
    async def work() -> list[dict[str, object]]:
        found, warnings = await list_all_edges(
            Queries(engine(), QuerySettings()), tenant, TimeRange(first * 10**9, last * 10**9)
        )
        assert warnings == []
        return found

    return asyncio.run(work())


def roll(minutes: range) -> None:
    asyncio.run(roll_blocks(engine(), minutes, BEGIN + 20 * DAY))


def test_figures_are_those_of_the_minutes(tenant: str) -> None:
    first, count = BEGIN + 50 * 60, 27 * 60
    execute(ROWS, tenant=tenant, first=first, minutes=count, calls=7)
    ranges = [(first, first + count * 60), (first + 17 * 60, first + 26 * HOUR), (BEGIN, BEGIN + DAY)]
    before = [edges(tenant, *each) for each in ranges]
    roll(range(first, first + count * 60, 60))
    assert [edges(tenant, *each) for each in ranges] == before
    assert sum(edge["requests"] for edge in before[0]) == 7 * count
    execute(FORGET, tenant=tenant)
    assert edges(tenant, BEGIN + HOUR, BEGIN + DAY) != []


def test_late_spans_change_all_their_blocks_and_an_open_block_is_read_by_minutes(tenant: str) -> None:
    first = BEGIN + 5 * DAY
    for calls in (1, 3):
        execute(ROWS, tenant=tenant, first=first, minutes=90, calls=calls)
        roll(range(first, first + 90 * 60, 60))
        assert sum(edge["requests"] for edge in edges(tenant, first, first + DAY)) == 90 * calls
    last = BEGIN + 20 * DAY
    execute(ROWS, tenant=tenant, first=last, minutes=5, calls=1)
    roll(range(last, last + 300, 60))
    assert sum(edge["requests"] for edge in edges(tenant, last, last + DAY)) == 5
