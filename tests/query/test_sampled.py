"""What reads show of sampling: who kept a trace, how many it stands for, the ledger."""

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from tests.described import described
from tests.query.engine import engine, insert
from tests.query.telemetry import span, traces
from traceo.api.routes.sampling_answers import LedgerAnswer
from traceo.config import Query as QuerySettings
from traceo.errors import InvalidRequest
from traceo.query.ledger import SEEN, read_ledger
from traceo.query.run import Queries
from traceo.query.search import TraceSearch, search_traces
from traceo.query.sql import TimeRange
from traceo.query.traces import read_trace
from traceo.query.userquery import run_user_query
from traceo.store.base import Request, Signal

Result = TypeVar("Result")
NOW = time.time_ns() // 60_000_000_000 * 60_000_000_000
HOUR = 3600 * 10**9
RANGE = TimeRange(NOW - HOUR, NOW + HOUR)
TENTH = (1 << 56) - (1 << 56) // 10
COPY = (
    "INSERT INTO spans SELECT * REPLACE ('rest' AS kept_by, {t:UInt64} AS threshold) FROM spans_recent "
    "WHERE tenant = {tenant:String} AND trace_id = unhex('00000000000000000000000000000001')"
)
ROWS = [("errors", "shop", "kept", 2, 10, 1000), ("rest", "shop", "kept", 1, 5, 500), ("rest", "cart", "kept", 1, 1, 1)]
ROWS += [("", "shop", "dropped", 20, 100, 8000), ("errors", "shop", "late_kept", 0, 2, 200)]
ROWS += [("", "cart", "late_dropped", 0, 1, 99), ("keep", "cart", "forced", 1, 1, 200)]
LOG_ROWS = [("rest", "shop", "kept", 0, 0, 0, 25, 5000), ("", "shop", "dropped", 0, 0, 0, 75, 5000)]
ROWS += [("on demand", "cart", "rescued", 1, 1, 99)]
numbers = itertools.count()


@pytest.fixture
def tenant() -> str:
    return f"sampled-{next(numbers)}"


def run(read: Callable[[Queries], Coroutine[Any, Any, Result]]) -> Result:
    async def work() -> Result:
        return await read(Queries(engine(), QuerySettings()))

    return asyncio.run(work())


def arrive(tenant: str) -> None:
    """Trace 1 was kept for ten of its kind and still rests; trace 2 only rests; trace 3 needed no verdict."""
    waiting = traces("shop", [span(1, 10, NOW), span(1, 11, NOW, parent=10), span(2, 20, NOW + 1)])
    asyncio.run(engine().insert(Signal.TRACES, [Request(tenant, waiting, recent=True)]))
    asyncio.run(engine().execute(COPY, {"tenant": tenant, "t": TENTH}))
    insert(tenant, Signal.TRACES, traces("shop", [span(3, 30, NOW + 2)]))


def test_trace_says_who_kept_it_and_how_many_it_stands_for(tenant: str) -> None:
    arrive(tenant)
    found = [run(lambda q, n=number: read_trace(q, tenant, n)) for number in "123"]  # type: ignore[misc]
    assert [(trace["kept_by"], round(trace["adjusted_count"], 6)) for trace in found] == [
        ("rest", 10),
        ("", 1),
        ("", 1),
    ]


def test_search_says_the_same(tenant: str) -> None:
    arrive(tenant)
    page = run(lambda q: search_traces(q, tenant, TraceSearch(RANGE)))
    assert [(row["kept_by"], round(row["adjusted_count"], 6)) for row in page.traces] == [
        ("", 1),
        ("", 1),
        ("rest", 10),
    ]


def ask(tenant: str, query: str) -> list[list[Any]]:
    rows: list[list[Any]] = run(lambda q: run_user_query(q, tenant, query, {}))["rows"]
    return rows


def test_sql_counts_spans_once_while_all_rest_and_by_what_they_stand_for_later(tenant: str) -> None:
    arrive(tenant)
    query = "SELECT kept_by, round(sum(adjusted_count)) FROM spans GROUP BY kept_by ORDER BY kept_by"
    assert ask(tenant, query) == [["", 2], ["rest", 2]]
    asyncio.run(engine().execute("DELETE FROM spans_recent WHERE tenant = {tenant:String}", {"tenant": tenant}))
    assert ask(tenant, query) == [["", 1], ["rest", 20]]


def test_sql_reads_decisions_of_the_tenant_only(tenant: str) -> None:
    decide = (
        "INSERT INTO decisions (tenant, trace_id, decided_at, keep, policy, votes, threshold) VALUES "
        "({tenant:String}, unhex('000000000000000000000000000000ab'), now(), true, 'rest', ['rest'], {t:UInt64}), "
        "('another', unhex('000000000000000000000000000000ac'), now(), true, 'rest', ['rest'], 0)"
    )
    asyncio.run(engine().execute(decide, {"tenant": tenant, "t": TENTH}))
    query = "SELECT trace_id, kept, policy, votes, round(adjusted_count) FROM decisions"
    assert ask(tenant, query) == [["0" * 30 + "ab", True, "rest", ["rest"], 10]]


@pytest.fixture
def ledger(tenant: str) -> str:
    rows = [(*row, 0, 0) for row in ROWS] + LOG_ROWS
    values = ", ".join(f"({{tenant:String}}, now(), {str(row)[1:]}" for row in rows)
    asyncio.run(engine().execute(f"INSERT INTO sampling_ledger VALUES {values}", {"tenant": tenant}))
    return tenant


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("policy", ["", "errors", "rest", "keep", "on demand"]),
        ("service", ["shop", "cart"]),
        ("verdict", ["dropped", "kept", "forced", "late_kept", "late_dropped", "rescued"]),
        ("day", [time.strftime("%Y-%m-%d", time.gmtime())]),
    ],
)
def test_ledger_adds_up_by(by: str, keys: list[str], ledger: str) -> None:
    answer = described(LedgerAnswer, run(lambda q: read_ledger(q, ledger, RANGE, by)))
    assert [row[by] for row in answer["rows"]] == keys
    seen = {"traces": 25, "spans": 120, "bytes": 10_000, "logs": 100, "log_bytes": 10_000}
    assert answer["total"]["seen"] == seen
    shares = {"traces": 6 / 25, "spans": 20 / 120, "bytes": 0.2, "logs": 0.25, "log_bytes": 0.5}
    assert answer["total"]["share_kept"] == shares
    every = [answer["total"][verdict] for verdict in SEEN]
    assert answer["total"]["seen"] == {unit: sum(found[unit] for found in every) for unit in every[0]}


def test_ledger_tells_verdicts_apart(ledger: str) -> None:
    shop, cart = run(lambda q: read_ledger(q, ledger, RANGE, "service"))["rows"]
    kept = {"traces": 3, "spans": 15, "bytes": 1500, "logs": 25, "log_bytes": 5000}
    assert shop["kept"] == kept and shop["late_kept"]["spans"] == 2
    assert cart["forced"]["bytes"] == 200 and cart["late_dropped"]["spans"] == 1 and cart["dropped"]["spans"] == 0


@pytest.mark.parametrize("by", ["policy", "verdict"])
def test_rescued_traces_are_all_of_their_row_in_the_ledger(by: str, ledger: str) -> None:
    rows = run(lambda q: read_ledger(q, ledger, RANGE, by))["rows"]
    assert {row[by]: row["share_kept"]["bytes"] for row in rows if row["rescued"]["bytes"]} == {
        {"policy": "on demand", "verdict": "rescued"}[by]: 1
    }


def test_empty_ledger_has_no_total(tenant: str) -> None:
    assert run(lambda q: read_ledger(q, tenant, RANGE)) == {"by": "policy", "rows": [], "total": None}


def test_ledger_is_read_by_what_it_knows(tenant: str) -> None:
    with pytest.raises(InvalidRequest, match=r"by: 'colour' is none of policy, service, verdict, day"):
        run(lambda q: read_ledger(q, tenant, RANGE, "colour"))


def test_sql_reads_the_ledger(ledger: str) -> None:
    assert ask(ledger, "SELECT sum(bytes) FROM sampling_ledger WHERE verdict = 'kept'") == [[1501]]


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("sum(adjusted_count)", 101),
        ("sumIf(adjusted_count, status = 'error') / sum(adjusted_count)", 1 / 101),
        ("avgWeighted(duration_ns, adjusted_count)", (100 * 1e6 + 200e6) / 101),
        ("quantileExactWeighted(0.99)(duration_ns, toUInt64(1000 * adjusted_count))", 1e6),
    ],
    ids=["count", "error ratio", "mean", "p99"],
)
def test_figures_over_kept_spans_are_those_of_all_when_weighted(tenant: str, figure: str, value: float) -> None:
    """Ten kept of a hundred, one that failed, and one that was dropped and had back."""
    often = [span(number, number, NOW) for number in range(1, 11)]
    failed = span(11, 11, NOW, duration_ns=200_000_000, status={"code": 2})
    for threshold, spans in ((TENTH, often), (0, [failed]), (1 << 56, [span(12, 12, NOW, duration_ns=900_000_000)])):
        loader = f"{tenant}-{threshold}"
        insert(loader, Signal.TRACES, traces("shop", spans))
        keep = (
            "INSERT INTO spans SELECT * REPLACE ({tenant:String} AS tenant, {threshold:UInt64} AS threshold) "
            "FROM spans AS s WHERE s.tenant = {loader:String}"
        )
        asyncio.run(engine().execute(keep, {"tenant": tenant, "loader": loader, "threshold": threshold}))
    assert ask(tenant, f"SELECT {figure} FROM spans") == [[pytest.approx(value)]]
