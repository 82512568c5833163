"""A selector may mean as many streams as a large cluster has pods."""

import asyncio

import pytest

from tests.query.engine import engine
from traceo.config import Query
from traceo.query.logql.evaluate import query_logs
from traceo.query.run import Queries
from traceo.query.sql import MINUTE_NS, TimeRange

TENANT, STREAMS, FIRST = "logql-many", 8000, TimeRange(0, MINUTE_NS)
RESOURCES = f"""
INSERT INTO resources (tenant, id, service, attributes)
SELECT '{TENANT}', cityHash64(number), 'shop', map('pod', concat('\\n\\x05', leftPad(toString(number), 5, '0')))
FROM numbers({STREAMS})
"""
LINES = f"""
INSERT INTO logs (tenant, time, service, body, resource_id)
SELECT '{TENANT}', fromUnixTimestamp64Milli(toInt64(number + 1)), 'shop', concat('line ', toString(number)),
    cityHash64(number)
FROM numbers({STREAMS})
"""


@pytest.fixture(scope="module", autouse=True)
def _lines() -> None:
    for statement in (RESOURCES, LINES):
        asyncio.run(engine().execute(statement))


@pytest.mark.parametrize("text", ['{service_name="shop"}', '{service_name="shop"} |= "line"'])
def test_eight_thousand_streams_are_counted(text: str) -> None:
    async def ask() -> float:
        found = await query_logs(
            Queries(engine(), Query()), TENANT, f"sum(count_over_time({text}[1m]))", FIRST, instant=True
        )
        return float(sum(series.values.sum() for series in found.series))

    assert asyncio.run(ask()) == STREAMS
