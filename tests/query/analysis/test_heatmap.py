"""Durations over time: from spans, and from the roll-up when it knows."""

import asyncio
import math
from dataclasses import replace
from typing import Any

import pytest

from tests.moment import NOW_S
from tests.query.engine import engine, insert
from tests.query.telemetry import span, traces
from traceo.config import Query as QuerySettings
from traceo.errors import InvalidRequest
from traceo.query.analysis.heatmap import HeatMap, read_heatmap
from traceo.query.analysis.selection import Selection
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.store.base import Signal

MINUTE = 60 * 10**9
NOW = NOW_S * 10**9 // MINUTE * MINUTE
CHOSEN = Selection(TimeRange(NOW, NOW + 10 * MINUTE), service="shop")
MS = 10**6
DURATIONS = [1 * MS, 1 * MS + 5, 3 * MS, 700 * MS, 700 * MS, 0]


@pytest.fixture(scope="module")
def tenant() -> str:
    spans: list[Any] = []
    for number, duration in enumerate(DURATIONS, 1):
        at, status = NOW + number % 2 * 5 * MINUTE, {"code": 2 if number == 4 else 0}
        spans.append(span(number, 1, at, name="buy", duration_ns=duration, status=status, attributes={"n": number}))
    insert("heatmap", Signal.TRACES, traces("shop", spans))
    return "heatmap"


def ask(tenant: str, **fields: Any) -> Any:
    async def work() -> Any:
        asked = HeatMap(**{"chosen": CHOSEN, "columns": 10, **fields})
        return await read_heatmap(Queries(engine(), QuerySettings()), tenant, asked)

    return asyncio.run(work())


def cells(found: Any) -> dict[tuple[int, int], float]:
    return {(cell["column"], cell["level"]): cell["count"] for cell in found["cells"]}


def expected(per_double: int) -> dict[tuple[int, int], float]:
    counts: dict[tuple[int, int], float] = {}
    for number, duration in enumerate(DURATIONS, 1):
        key = number % 2 * 5, math.floor(per_double * math.log2(max(duration, 1)))
        counts[key] = counts.get(key, 0) + 1
    return counts


@pytest.mark.parametrize("per_double", [1, 4, 16])
def test_rollup_and_spans_agree(tenant: str, per_double: int) -> None:
    rolled = ask(tenant, per_double=per_double)
    spans = ask(tenant, per_double=per_double, chosen=replace(CHOSEN, kind="server"))
    assert (rolled["source"], spans["source"]) == ("rollup", "spans")
    assert cells(rolled) == cells(spans) == expected(per_double)
    assert rolled["column_errors"][0] == {"column": 0, "errors": 1}
    assert (rolled["columns"], rolled["step_ns"]) == (10, MINUTE)


def test_cells_have_examples_and_errors(tenant: str) -> None:
    found = ask(tenant, chosen=replace(CHOSEN, min_duration_ns=100 * MS))
    failed = next(cell for cell in found["cells"] if cell["errors"])
    assert (failed["column"], failed["count"], failed["errors"]) == (0, 1, 1)
    assert [int(text, 16) for text in failed["examples"]] == [4]
    assert found["levels"][0]["from_ns"] <= 700 * MS < found["levels"][0]["to_ns"]
    assert all(cell["examples"] for cell in ask(tenant)["cells"])
    assert not any(cell["examples"] for cell in ask(tenant, examples=False)["cells"])


def test_less_than_a_minute_is_read_from_spans(tenant: str) -> None:
    found = ask(tenant, columns=50)
    assert (found["source"], found["step_ns"]) == ("spans", 12 * 10**9)
    assert sum(cells(found).values()) == len(DURATIONS)


def test_attribute_filter_and_resolution(tenant: str) -> None:
    found = ask(tenant, chosen=replace(CHOSEN, attributes=(("n", "3"),)))
    assert list(cells(found).values()) == [1]
    with pytest.raises(InvalidRequest, match="per_double is one of 1, 2, 4, 8, 16"):
        ask(tenant, per_double=3)
