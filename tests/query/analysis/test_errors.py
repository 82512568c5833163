"""Groups of errors, from OTLP to the answer."""

import asyncio
from typing import Any

import pytest

from tests.moment import NOW_S
from tests.query.analysis.test_stacks import PYTHON
from tests.query.engine import engine, insert
from tests.query.telemetry import logs, pairs, span, traces
from traceo.config import Query as QuerySettings
from traceo.query.analysis.errors import ErrorSearch, list_errors
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.store.base import Signal

NOW = NOW_S * 10**9
RANGE = TimeRange(NOW, NOW + 100 * 10**9)
SECOND = 10**9


def exception(at: int, kind: str, message: str, stack: str = "") -> dict[str, Any]:
    said = {"exception.type": kind, "exception.message": message, "exception.stacktrace": stack}
    return {"time_unix_nano": at, "name": "exception", "attributes": pairs({k: v for k, v in said.items() if v})}


@pytest.fixture(scope="module")
def tenant() -> str:
    """Version 1 knows one error; version 2 has it, too, on other lines, and a new one; a log record has the first."""
    first: list[Any] = [span(1, 1, NOW, name="fine")]
    second: list[Any] = [span(2, 1, NOW + 50 * SECOND, name="fine")]
    for number in range(10, 15):
        at = NOW + number * SECOND
        event = exception(at, "ValueError", f"bad {number}", PYTHON.replace("line 12", f"line {number}"))
        first.append(span(number, 1, at, name="add", status={"code": 2}, events=[event, {"name": "other"}]))
    for number in range(60, 63):
        at = NOW + number * SECOND
        event = exception(at, "KeyError", f"no user {number}")
        second.append(span(number, 1, at, name="find", status={"code": 2}, events=[event]))
        failed = {"code": 2, "message": f"upstream {number} answered 503"}
        second.append(span(number, 2, at, name="call", status=failed))
    at = NOW + 70 * SECOND
    again = exception(at, "ValueError", "bad", PYTHON.replace("line 12", "line 99"))
    second.append(span(70, 1, at, name="add", status={"code": 2}, events=[again]))
    record = {"time_unix_nano": at, "attributes": {"exception.type": "ValueError", "exception.stacktrace": PYTHON}}
    insert(
        "errors",
        Signal.TRACES,
        *(traces("shop", spans, {"service.version": version}) for version, spans in (("1.0", first), ("2.0", second))),
    )
    insert("errors", Signal.LOGS, logs("shop", [record, {"time_unix_nano": at, "body": "fine"}]))
    return "errors"


def ask(tenant: str, **fields: Any) -> Any:
    search = ErrorSearch(**{"between": RANGE, "points": 10, **fields})

    async def work() -> Any:
        return await list_errors(Queries(engine(), QuerySettings()), tenant, search)

    return asyncio.run(work())


def test_errors_are_grouped_over_versions_and_signals(tenant: str) -> None:
    found = ask(tenant)
    assert (found["groups"], found["truncated"], len(found["errors"])) == (3, False, 3)
    old = found["errors"][0]
    assert (old["kind"], old["type"], old["language"]) == ("exception", "ValueError", "python")
    assert old["frames"] == ["/srv/app/shop/cart.py add_item"]
    assert (old["count"], old["traces"], old["sources"]) == (7, 7, ["log", "span"])
    assert old["points"] == [0, 5, 0, 0, 0, 0, 0, 2, 0, 0]
    assert (old["first_seen_ns"], old["last_seen_ns"]) == (NOW + 10 * SECOND, NOW + 70 * SECOND)
    assert {row["version"]: row["count"] for row in old["versions"]} == {"": 1, "1.0": 5, "2.0": 1}
    assert old["new_in"] == []
    assert {int(text, 16) for text in old["example_traces"]} == {70, 10}


def test_error_that_a_version_brought(tenant: str) -> None:
    new = next(row for row in ask(tenant)["errors"] if row["type"] == "KeyError")
    assert new["message"] == "no user <n>" and new["example_message"].startswith("no user 6")
    assert new["new_in"] == [{"service": "shop", "version": "2.0"}]
    assert (new["count"], new["operation"], new["frames"]) == (3, "find", [])


def test_failed_spans_without_an_exception(tenant: str) -> None:
    plain = next(row for row in ask(tenant)["errors"] if row["kind"] == "status")
    assert (plain["message"], plain["operation"], plain["count"]) == ("upstream <n> answered <n>", "call", 3)


def test_ids_stay_from_one_question_to_the_next(tenant: str) -> None:
    whole = {row["id"] for row in ask(tenant)["errors"]}
    later = ask(tenant, between=TimeRange(NOW + 55 * SECOND, NOW + 90 * SECOND), limit=2)
    assert later["groups"] == 3 and {row["id"] for row in later["errors"]} < whole


@pytest.mark.parametrize(
    ("fields", "count"),
    [({"service": "none"}, 0), ({"operation": "find"}, 1), ({"service": "shop", "operation": "add"}, 1)],
    ids=["other service", "operation", "both"],
)
def test_filters(tenant: str, fields: dict[str, str], count: int) -> None:
    assert ask(tenant, **fields)["groups"] == count
