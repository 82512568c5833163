"""The catalogue, from telemetry to rows: all three signals, versions, deploys."""

import asyncio
import itertools
import math
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from tests.described import described
from tests.query.engine import engine, insert
from tests.query.telemetry import logs, metrics, span, traces
from traceo.api.routes.catalog_answers import CatalogAnswer, DeploysAnswer, ServicePage
from traceo.api.routes.compare_answers import ServiceComparison
from traceo.api.routes.map_answers import MapAnswer
from traceo.api.routes.trace_answers import RedSeries
from traceo.catalog.edges import roll_edges
from traceo.config import Query as QuerySettings
from traceo.errors import NotFound
from traceo.query.apdex import read_apdex
from traceo.query.catalog import Page, list_catalog, read_service
from traceo.query.deploys import list_deploys
from traceo.query.health import judge
from traceo.query.map_view import MapView
from traceo.query.red import read_red
from traceo.query.run import Queries
from traceo.query.service_compare import compare_service, judge_change
from traceo.query.service_facts import find_deploys
from traceo.query.service_map import read_map
from traceo.query.sql import TimeRange
from traceo.store.base import QueryLimits, Signal

NOW_NS = time.time_ns()
RANGE = TimeRange(NOW_NS - 3600 * 10**9, NOW_NS + 3600 * 10**9)
MINUTES_AGO = [NOW_NS - minutes * 60 * 10**9 for minutes in range(60)]
SDK = {"telemetry.sdk.language": "go", "telemetry.sdk.version": "1.30.0", "deployment.environment": "prod"}
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def tenant() -> str:
    """`shop` calls `cart`, which is deployed, rolled back, and writes to a database; `cron` logs, `node` measures."""
    name = "catalog"
    for minutes, version, count in ((30, "1.0", 3), (20, "1.0", 1), (20, "1.1", 4), (10, "1.1", 2), (5, "1.0", 3)):
        for _ in range(count):
            trace, at = next(numbers), MINUTES_AGO[minutes]
            database = {"db.system": "redis", "server.address": "r1"}
            calls = [
                span(trace, 2, at, parent=1, name="add", status={"code": 2 if version == "1.1" else 0}),
                span(trace, 3, at, parent=2, kind=3, attributes=database),
            ]
            resource = {**SDK, "service.version": version, "service.instance.id": f"cart-{version}"}
            insert(name, Signal.TRACES, traces("shop", [span(trace, 1, at)]), traces("cart", calls, resource))
    insert(name, Signal.LOGS, logs("cron", [{"body": "done", "time_unix_nano": NOW_NS}], {"host.name": "h9"}))
    insert(name, Signal.METRICS, metrics("node", NOW_NS))
    asyncio.run(roll_edges(engine(), datetime.now(UTC) - timedelta(minutes=5), wait_s=-1))
    return name


def run(ask: Callable[[Queries], Awaitable[Any]]) -> Any:
    async def work() -> Any:
        return await ask(Queries(engine(), QuerySettings()))

    return asyncio.run(work())


def test_services_of_all_signals_have_a_row(tenant: str) -> None:
    found = run(lambda q: list_catalog(q, tenant, RANGE, Page(sort="service")))
    CatalogAnswer.model_validate(found)
    rows = {row["service"]: row for row in found["services"]}
    assert (list(rows), found["total"]) == (["cart", "cron", "node", "shop"], 4)
    assert {name: row["signals"] for name, row in rows.items()} == {
        **{"cart": ["traces"], "cron": ["logs"]},
        **{"node": ["metrics"], "shop": ["traces"]},
    }
    assert (rows["cart"]["versions"], rows["cart"]["languages"], rows["cart"]["environments"]) == (
        *(["1.0", "1.1"], ["go"]),
        ["prod"],
    )
    assert (rows["cart"]["requests"], rows["cart"]["errors"], rows["cart"]["health"]) == (13, 6, "failing")
    assert (rows["cart"]["health_reason"], rows["cron"]["health_reason"]) == (
        *("46.15% of 13 requests failed",),
        "no requests",
    )
    assert (rows["cron"]["hosts"], rows["cron"]["p95_ms"], rows["cron"]["health"]) == (["h9"], None, "idle")


@pytest.mark.parametrize(
    ("page", "names"),
    [
        (Page(search="CAR"), ["cart"]),
        (Page(search="1.1"), ["cart"]),
        (Page(search="nothing"), []),
        (Page(sort="error_ratio", limit=1), ["cart"]),
        (Page(sort="service", limit=2, offset=1), ["cron", "node"]),
        (Page(sort="health"), ["cart", "shop", "cron", "node"]),
    ],
    ids=["name", "version", "nothing", "sorted", "paged", "worst first"],
)
def test_rows_are_searched_sorted_and_paged(tenant: str, page: Page, names: list[str]) -> None:
    found = run(lambda q: list_catalog(q, tenant, RANGE, page))
    assert [row["service"] for row in found["services"]] == names


def test_summary_is_of_all_that_is_found_and_not_of_the_page(tenant: str) -> None:
    summary = run(lambda q: list_catalog(q, tenant, RANGE, Page(sort="health", limit=1)))["summary"]
    assert summary["health"] == {"failing": 1, "degraded": 0, "healthy": 1, "idle": 2}
    assert (summary["requests"], summary["errors"], summary["error_ratio"]) == (26, 6, 6 / 26)
    nothing = run(lambda q: list_catalog(q, tenant, RANGE, Page(search="nothing")))["summary"]
    assert (nothing["requests"], nothing["error_ratio"]) == (0, 0.0)


def test_page_of_a_service_looks_at_the_observed_time_once(tenant: str) -> None:
    asked: list[str] = []

    class Noted(Queries):
        async def table(self, sql: str, params: dict[str, Any], *, limits: QueryLimits | None = None) -> pa.Table:
            asked.append(sql)
            return await super().table(sql, params, limits=limits)

    queries = Noted(engine(), QuerySettings())
    asyncio.run(read_service(queries, tenant, "cart", RANGE))
    assert len([sql for sql in asked if "AS parts FROM span_red" in sql]) == 1
    assert len(asked) <= 10


def test_page_of_a_service_tells_its_deploys_and_neighbours(tenant: str) -> None:
    page = run(lambda q: read_service(q, tenant, "cart", RANGE))
    ServicePage.model_validate(page)
    releases = {row["version"]: (row["requests"], row["errors"]) for row in page["releases"]}
    assert releases == {"1.0": (7, 0), "1.1": (6, 6)}
    assert [(row["from_version"], row["to_version"], row["rollback"]) for row in page["deploys"]] == [
        ("1.0", "1.1", False),
        ("1.1", "1.0", True),
    ]
    assert page["deploys"][0]["overlap_from"] == page["deploys"][0]["time"]
    shared = [row["share"] for row in page["traffic"] if row["time"] == page["deploys"][0]["time"]]
    assert sorted(shared) == [0.2, 0.8]
    assert [edge["source"] for edge in page["upstream"]] == ["service:shop"]
    assert [(edge["target"], edge["requests"]) for edge in page["downstream"]] == [("database:redis@r1", 13)]
    assert [row["operation"] for row in page["operations"] if row["kind"] == "server"] == ["add"]


def test_each_process_of_a_service_has_its_own_figures(tenant: str) -> None:
    page = described(ServicePage, run(lambda q: read_service(q, tenant, "cart", RANGE)))
    processes = [(row["instance"], row["version"], row["requests"], row["errors"]) for row in page["processes"]]
    assert processes == [("cart-1.0", "1.0", 7, 0), ("cart-1.1", "1.1", 6, 6)]
    (named,) = (row for row in page["processes"] if row["version"] == "1.1")
    assert (named["pod"], named["host"], named["error_ratio"]) == ("", "", 1)
    assert named["first_seen"] < named["last_seen"]
    assert run(lambda q: read_service(q, tenant, "cron", RANGE))["processes"] == []


def test_deploys_of_all_services_are_those_of_their_pages(tenant: str) -> None:
    found = run(lambda q: list_deploys(q, tenant, RANGE))
    described(DeploysAnswer, found)
    page = run(lambda q: read_service(q, tenant, "cart", RANGE))
    assert found["deploys"] == [{"service": "cart", **deploy} for deploy in page["deploys"]]
    assert run(lambda q: list_deploys(q, "nobody", RANGE))["deploys"] == []
    by_version = run(lambda q: read_map(q, tenant, RANGE, MapView(group_by="version")))
    groups = {node["name"]: node["members"] for node in by_version["nodes"] if node["type"] == "group"}
    assert groups == {"1.0, 1.1": ["cart"], "": ["shop"]}


def test_service_is_compared_with_itself_before(tenant: str) -> None:
    deploy = NOW_NS - 25 * 60 * 10**9
    before = TimeRange(RANGE.start_ns, deploy)
    found = run(lambda q: compare_service(q, tenant, "cart", before, TimeRange(deploy, NOW_NS)))
    described(ServiceComparison, found)
    assert (found["before"]["errors"], found["after"]["errors"], found["verdict"]) == (0, 6, "unknown")
    assert [error["count"] for error in found["new_errors"]] == [6]
    assert found["reasons"][0] == "3 requests before and 10 after: too few to judge"
    silent = run(lambda q: compare_service(q, tenant, "nothing", before, RANGE))
    assert (silent["after"]["requests"], silent["operations"]["new"]) == (0, [])


def change(figure: str, before: float, after: float) -> dict[str, Any]:
    return {"figure": figure, "before": before, "after": after, "z": 9.0}


ERRORS_UP, P95_UP, P95_DOWN = change("error_ratio", 0.001, 0.2), change("p95_ms", 10, 40), change("p95_ms", 40, 10)
CRASH = {"type": "Crash", "message": "", "count": 12.0}


@pytest.mark.parametrize(
    ("requests", "changes", "of_operation", "errors", "verdict", "reason"),
    [
        (500, [ERRORS_UP], [], [], "worse", "errors 0.10%, now 20.00%"),
        (500, [P95_DOWN], [], [], "better", "p95 40 ms, now 10 ms"),
        (500, [ERRORS_UP, P95_DOWN], [], [], "mixed", "errors 0.10%, now 20.00%"),
        (500, [P95_DOWN], [P95_UP], [], "better", "GET /: p95 10 ms, now 40 ms"),
        (500, [], [P95_UP], [], "worse", "GET /: p95 10 ms, now 40 ms"),
        (500, [change("rate_per_s", 1, 5)], [], [], "same", "1 requests a second, now 5"),
        (500, [], [], [], "same", "no figure changed beyond chance"),
        (500, [], [], [CRASH], "worse", "new error, 12 times: Crash"),
        (500, [], [], [CRASH | {"count": 2.0}], "same", "new error, 2 times: Crash"),
        (50, [ERRORS_UP], [], [], "worse", "errors 0.10%, now 20.00%"),
        (50, [], [], [], "unknown", "500 requests before and 50 after: too few to judge"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_verdict_says_what_matters(
    requests: int, changes: list[Any], of_operation: list[Any], errors: list[Any], verdict: str, reason: str
) -> None:
    operations = [{"after": {"operation": "GET /"}, "changes": of_operation}]
    found, reasons = judge_change({"requests": 500}, {"requests": requests}, changes, operations, errors)
    assert found == verdict
    assert reason in reasons


def test_map_of_telemetry_is_whole(tenant: str) -> None:
    found = run(lambda q: read_map(q, tenant, RANGE))
    MapAnswer.model_validate(found)
    assert sorted(node["id"] for node in found["nodes"]) == [
        *("database:redis@r1", "service:cart", "service:shop", "user:user"),
    ]


def test_apdex_counts_satisfied_whole_and_tolerated_half() -> None:
    tenant, ms = "apdex", 10**6
    durations = [10] * 5 + [150] * 2 + [390] * 1 + [500] * 2
    spans = [span(trace, trace, NOW_NS, duration_ns=ms * took) for trace, took in enumerate(durations, 1)]
    insert(tenant, Signal.TRACES, traces("web", spans), traces("job", [span(99, 99, NOW_NS, kind=1)]))
    scores = run(lambda q: read_apdex(q, tenant, RANGE, {"web": 100.0, "job": 0.5, "nobody": 1.0, "wrong": math.nan}))
    assert scores == {"web": pytest.approx((5 + 3 / 2) / 10), "job": 0.5}
    assert run(lambda q: read_apdex(q, tenant, RANGE, {})) == {}
    owner = {"team": "", "on_call": "", "repository": "", "runbook": "", "tier": "", "apdex_ms": 100.0}
    owners = {"web": {**owner, "sources": {}, "overridden": []}}
    page = described(ServicePage, run(lambda q: read_service(q, tenant, "web", RANGE, owners)))
    rows = described(CatalogAnswer, run(lambda q: list_catalog(q, tenant, RANGE, Page(), owners)))["services"]
    assert page["apdex"] == pytest.approx(0.65)
    assert {row["service"]: row["apdex"] for row in rows} == {"web": page["apdex"], "job": None}


def test_red_over_time_adds_up_to_the_catalog(tenant: str) -> None:
    red = described(RedSeries, run(lambda q: read_red(q, tenant, RANGE, points=30)))
    assert red["step_s"] == 300 and red["start"] % 60 == 0
    by_name = {series["service"]: series for series in red["series"]}
    catalog = {row["service"]: row for row in run(lambda q: list_catalog(q, tenant, RANGE, Page()))["services"]}
    for name in ("shop", "cart"):
        assert len(by_name[name]["requests"]) == len(by_name[name]["p99_ms"]) == 25
        assert sum(by_name[name]["requests"]) == catalog[name]["requests"]
        assert sum(by_name[name]["errors"]) == catalog[name]["errors"]
    for requests, p99_ms in zip(by_name["cart"]["requests"], by_name["cart"]["p99_ms"], strict=True):
        assert (p99_ms is None) == (requests == 0)
    (add,) = run(lambda q: read_red(q, tenant, RANGE, ["cart"], "add", durations=False))["series"]
    assert sum(add["requests"]) == 13 and set(add) == {"service", "requests", "errors"}
    assert run(lambda q: read_red(q, tenant, RANGE, ["nobody"]))["series"] == []


@pytest.mark.parametrize(
    ("now", "before", "judged"),
    [
        ((200, 0.0, 30.0), (200, 0.0, 20.0), ("degraded", "p95 30 ms, 20 ms as long a time before")),
        ((200, 0.0, 29.0), (200, 0.0, 20.0), ("healthy", "")),
        ((99, 0.0, 30.0), (200, 0.0, 20.0), ("healthy", "")),
        ((200, 0.0, 30.0), (99, 0.0, 20.0), ("healthy", "")),
        ((200, 0.0, 30.0), None, ("healthy", "")),
        ((200, 0.06, 30.0), (200, 0.0, 20.0), ("failing", "6.00% of 200 requests failed")),
        ((9, 1.0, 30.0), None, ("healthy", "fewer than 10 requests: too few to judge")),
        ((0, 0.0, None), None, ("idle", "no requests")),
    ],
    ids=["slower", "little slower", "few now", "few before", "new", "errors first", "few", "idle"],
)
def test_health_has_its_reason(now: tuple[Any, ...], before: tuple[Any, ...] | None, judged: tuple[str, str]) -> None:
    names = ("requests", "error_ratio", "p95_ms")
    earlier = dict(zip(names, before, strict=True)) if before else None
    assert judge(dict(zip(names, now, strict=True)), earlier) == judged


def test_slower_than_in_the_range_before_is_degraded() -> None:
    at = NOW_NS - 90 * 60 * 10**9
    for minute, duration_ns in ((15, 10**6), (45, 10**7)):
        start = at + minute * 60 * 10**9
        spans = [span(next(numbers), 1, start, duration_ns=duration_ns) for _ in range(100)]
        insert("slower", Signal.TRACES, traces("shop", spans))
    between = TimeRange(at + 30 * 60 * 10**9, at + 60 * 60 * 10**9)
    (row,) = run(lambda q: list_catalog(q, "slower", between, Page()))["services"]
    assert (row["requests"], row["health"], row["health_reason"][:4]) == (100, "degraded", "p95 ")


def test_service_that_sent_nothing_is_not_found(tenant: str) -> None:
    with pytest.raises(NotFound):
        run(lambda q: read_service(q, tenant, "nobody", RANGE))
    with pytest.raises(NotFound):
        run(lambda q: read_service(q, "another tenant", "cart", RANGE))


def test_deploys_of_environments_are_apart() -> None:
    def at(time: int, version: str, spans: int, environment: str = "prod") -> dict[str, Any]:
        return {"time": time, "version": version, "spans": spans, "environment": environment}

    steps = [at(1, "a", 5), at(2, "a", 3), at(2, "b", 2), at(3, "b", 4), at(1, "b", 1, "test"), at(2, "b", 1, "test")]
    (deploy,) = find_deploys(steps)
    assert (deploy["environment"], deploy["time"], deploy["overlap_from"], deploy["rollback"]) == ("prod", 3, 2, False)
