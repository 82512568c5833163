"""Ranges that are read from the projection by minutes: the same as from the lines, whatever lies on a minute's edge."""

import asyncio
import random

import pytest

from tests.moment import NOW_S
from tests.query.engine import engine, insert
from tests.receivers.loki_messages import push_request
from traceo.config import Query as QuerySettings
from traceo.query.log_minutes import select_minutes, to_minutes
from traceo.query.logql.evaluate import query_logs
from traceo.query.run import Queries
from traceo.query.sql import MINUTE_NS, Scope, TimeRange
from traceo.receivers.loki_body import read_protobuf
from traceo.store.base import Signal

TENANT = "logql-minutes"
START_NS = (NOW_S // 3600 * 3600 - 3600) * 10**9
BETWEEN = TimeRange(START_NS + 2 * MINUTE_NS, START_NS + 8 * MINUTE_NS)
EDGES = (-1, 0, 1)  # nanoseconds around a minute


@pytest.fixture(scope="module", autouse=True)
def _lines() -> None:
    rng = random.Random(7)
    for app in ("a", "b"):
        edges = [START_NS + minute * MINUTE_NS + edge for minute in range(10) for edge in EDGES]
        times = edges + [START_NS + rng.randrange(10 * MINUTE_NS) for _ in range(100)]
        lines = [(at, rng.choice(["level=error x", "level=info longer", "plain"]), {}) for at in sorted(times)]
        insert(TENANT, Signal.LOKI, read_protobuf(push_request((f'{{app="{app}"}}', lines)).SerializeToString()).body)


@pytest.mark.parametrize("by", ["", "by (app)", "by (detected_level)", "by (app, detected_level)"])
@pytest.mark.parametrize("function", ["rate", "count_over_time", "bytes_over_time", "bytes_rate"])
@pytest.mark.parametrize("span", ["1m", "2m] offset 1m"])
def test_minutes_say_what_lines_say(by: str, function: str, span: str) -> None:
    span = span if "]" in span else f"{span}]"
    of_minutes, of_lines = (
        asyncio.run(_ask(f'sum {by} ({function}({{app=~"a|b"}}{stage} [{span}))')) for stage in ("", ' |= ""')
    )
    assert of_minutes == of_lines
    assert of_minutes


async def _ask(text: str) -> list[tuple[dict[str, str], list[int], list[float]]]:
    queries = Queries(engine(), QuerySettings())
    answer = await query_logs(queries, TENANT, text, BETWEEN, step_ns=MINUTE_NS)
    return [(each.labels, each.times_ms.tolist(), each.values.tolist()) for each in answer.series]


@pytest.mark.parametrize("where", ["service = ''", "resource_id > 0"])
def test_the_projection_is_read(where: str) -> None:
    """The engine fails when it has none for the statement."""
    scope = Scope(TENANT, to_minutes(BETWEEN), recent=())
    sql = f"{select_minutes(scope, [where])} SETTINGS force_optimize_projection_name = 'by_minute'"
    asyncio.run(engine().query(sql, dict(scope.params)))
