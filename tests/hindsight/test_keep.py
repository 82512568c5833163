"""Rewind on the engine: which traces are kept on demand, and what is said of the others."""

import asyncio
import itertools
from typing import Any

import pytest

from tests.query.engine import engine, insert
from tests.query.telemetry import span, traces
from traceo.config import Query as QuerySettings
from traceo.errors import InvalidRequest, LimitExceeded
from traceo.hindsight.keep import MAX_IDS, MAX_TRACES, KeepRequest, keep_traces
from traceo.query.run import Queries
from traceo.query.search import TraceSearch
from traceo.query.sql import TimeRange
from traceo.query.traces import parse_trace_id
from traceo.store.base import Request, Signal

NOW = 1_790_000_000 * 10**9
RANGE = TimeRange(NOW - 10**9, NOW + 60 * 10**9)
MS = 1_000_000
numbers = itertools.count()


@pytest.fixture
def tenant() -> str:
    return f"keep-{next(numbers)}"


def keep(
    tenant: str,
    trace_ids: tuple[int, ...] = (),
    reason: str = "incident 7",
    max_traces: int = MAX_TRACES,
    **search: Any,
) -> dict[str, Any]:
    ids = tuple(number.to_bytes(16, "big") for number in trace_ids)
    asked = KeepRequest(TraceSearch(RANGE, **search), ids, reason, max_traces)

    async def work() -> dict[str, Any]:
        return await keep_traces(Queries(engine(), QuerySettings()), engine(), tenant, asked)

    return asyncio.run(work())


def rest(tenant: str) -> None:
    """Traces 1 to 4 rest, 2 with an error and 3 slow."""
    found = [span(1, 1, NOW), span(2, 2, NOW, status={"code": 2}), span(3, 3, NOW, duration_ns=900 * MS)]
    found.append(span(4, 4, NOW, name="pay", attributes={"user.id": "u-17"}))
    found.append(span(4, 5, NOW, parent=4))
    body = traces("shop", found, {"region": "eu"})
    asyncio.run(engine().insert(Signal.TRACES, [Request(tenant, body, recent=True)]))


def decide(tenant: str, number: int, *, kept: bool) -> None:
    sql = (
        "INSERT INTO decisions (tenant, trace_id, decided_at, keep) "
        "SELECT {tenant:String}, unhex({id:String}), now(), {keep:Bool}"
    )
    params = {"tenant": tenant, "id": number.to_bytes(16, "big").hex(), "keep": kept}
    asyncio.run(engine().execute(sql, params))


def asked_for(tenant: str) -> list[tuple[int, str]]:
    sql = "SELECT trace_id, reason FROM kept_traces WHERE tenant = {tenant:String} ORDER BY trace_id"
    rows = asyncio.run(engine().query(sql, {"tenant": tenant})).to_pylist()
    return [(int.from_bytes(row["trace_id"], "big"), row["reason"]) for row in rows]


def counts(answer: dict[str, Any]) -> tuple[int, int, int, int]:
    return tuple(answer[name] for name in ("matched", "already_kept", "will_be_kept", "too_late"))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({}, [1, 2, 3, 4]),
        ({"service": "shop"}, [1, 2, 3, 4]),
        ({"service": "cart"}, []),
        ({"operation": "pay"}, [4]),
        ({"status": "error"}, [2]),
        ({"min_duration_ns": 500 * MS}, [3]),
        ({"attributes": (("user.id", "u-17"),)}, [4]),
        ({"resource": (("region", "eu"),)}, [1, 2, 3, 4]),
        ({"resource": (("region", "us"),)}, []),
    ],
    ids=str,
)
def test_filter_finds_as_the_search_does(tenant: str, search: dict[str, Any], found: list[int]) -> None:
    rest(tenant)
    assert counts(keep(tenant, **search)) == (len(found), 0, len(found), 0)
    assert asked_for(tenant) == [(number, "incident 7") for number in found]


def test_what_is_kept_already_is_not_asked_for_again(tenant: str) -> None:
    rest(tenant)
    decide(tenant, 1, kept=True)
    decide(tenant, 2, kept=False)
    copy = (
        "INSERT INTO spans SELECT * REPLACE ('errors' AS kept_by) FROM spans_recent "
        "WHERE tenant = {tenant:String} AND trace_id = unhex('00000000000000000000000000000003')"
    )
    asyncio.run(engine().execute(copy, {"tenant": tenant}))
    assert counts(keep(tenant)) == (4, 2, 2, 0)
    assert [number for number, _ in asked_for(tenant)] == [2, 4]
    assert counts(keep(tenant)) == (4, 4, 0, 0)
    assert len(asked_for(tenant)) == 2


def test_stored_traces_match_and_are_kept_already(tenant: str) -> None:
    insert(tenant, Signal.TRACES, traces("shop", [span(9, 9, NOW)]))
    assert counts(keep(tenant, service="shop")) == (1, 1, 0, 0)


def test_ids_are_found_at_any_time_and_said_to_be_gone(tenant: str) -> None:
    rest(tenant)
    decide(tenant, 77, kept=False)
    decide(tenant, 78, kept=True)
    answer = keep(tenant, (1, 1, 77, 78))
    assert counts(answer) == (3, 1, 1, 1)
    assert answer["traces"] == [
        {"trace_id": f"{78:032x}", "state": "kept"},
        {"trace_id": f"{77:032x}", "state": "too late"},
        {"trace_id": f"{1:032x}", "state": "will be kept"},
    ]
    assert asked_for(tenant) == [(1, "incident 7")]


def test_ids_may_be_asked_for_before_their_spans_come(tenant: str) -> None:
    answer = keep(tenant, (5,))
    assert answer["awaited"] == 1 and answer["traces"] == [{"trace_id": f"{5:032x}", "state": "awaited"}]
    assert asked_for(tenant) == [(5, "incident 7")]


def test_as_many_ids_as_may_be_said_are_asked_for_at_once(tenant: str) -> None:
    rest(tenant)
    ids = range(1, MAX_IDS + 1)
    assert keep(tenant, tuple(ids), max_traces=MAX_IDS)["matched"] == MAX_IDS


def test_another_tenants_traces_are_out_of_reach(tenant: str) -> None:
    rest(f"{tenant}-other")
    assert counts(keep(tenant)) == (0, 0, 0, 0)
    assert keep(tenant, (1,))["awaited"] == 1
    assert asked_for(tenant) == [(1, "incident 7")]


def test_more_than_may_be_kept_at_once_is_refused(tenant: str) -> None:
    rest(tenant)
    with pytest.raises(LimitExceeded, match="4 traces match, more than 3"):
        keep(tenant, max_traces=3)
    assert asked_for(tenant) == []


def test_what_cannot_be_said_is_refused(tenant: str) -> None:
    with pytest.raises(InvalidRequest, match="status 'bad' is none of"):
        keep(tenant, status="bad")
    with pytest.raises(InvalidRequest, match="reason: 300 characters"):
        keep(tenant, reason="x" * 300)
    with pytest.raises(InvalidRequest, match="trace_ids: 10001 are more"):
        keep(tenant, tuple(range(1, 10_002)))
    with pytest.raises(InvalidRequest, match="zero is no trace's id"):
        keep(tenant, (1, 0))


@pytest.mark.parametrize("text", ["", "xyz", "0" * 33, "ab  cd", "12 34", "0x12", "\uff11"])
def test_what_is_no_trace_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a trace id: up to 32 hexadecimal digits are"):
        parse_trace_id(text)
