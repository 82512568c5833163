"""The HTTP API over the engine: answers, errors, limits."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pyarrow as pa
import pytest
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry, Counter
from starlette.routing import Match

from tests.api.prometheus.client import app_of, begin
from tests.described import described
from tests.moment import NOW_S
from tests.query.engine import engine, insert
from tests.query.telemetry import logs, metrics, span, traces
from traceo.access.model import ALL_SCOPES, Principal, Scope
from traceo.api.answer import answer
from traceo.api.app import PREFIX, ROUTERS, ApiServices, make_api
from traceo.cardinality.usage import MetricUsage
from traceo.catalog.owner import Owner
from traceo.catalog.owner_file import OwnerFile
from traceo.catalog.owners import OwnerService
from traceo.config import Config, Query, Store
from traceo.dashboards.service import DashboardService
from traceo.errors import BadData, NotFound, Overloaded, PermissionDenied, StoreError, StoreUnavailable, Unauthenticated
from traceo.policies.service import PolicyService
from traceo.saved.queries import SavedQueries
from traceo.state.database import open_state
from traceo.store.base import Signal
from traceo.telemetry import make_metrics

NOW = NOW_S * 10**9
TENANT = "api"
POLICIES = "policies: [{name: all, type: always_sample}]"

BOARD = {"title": "Shop", "panels": [{"id": 1, "kind": "text", "grid": {"x": 0, "y": 0, "w": 6, "h": 4}}]}


def authenticate(authorization: str | None, x_scope_orgid: str | None, peer_ip: str) -> Principal:
    if authorization == "Bearer wrong":
        raise Unauthenticated("the token is unknown, expired or revoked")
    scopes = frozenset({Scope.INGEST}) if authorization == "Bearer ingest" else ALL_SCOPES
    return Principal(x_scope_orgid or TENANT, scopes, "somebody")


def services(store: Any = None, config: Config | None = None) -> ApiServices:
    registry = CollectorRegistry()
    Counter("traceo_test", "A test.", registry=registry).inc()
    config = config or Config(data_dir=Path("/nowhere"), store=Store(min_free_disk=1))
    broken: Any = BrokenService(store.error) if isinstance(store, BrokenStore) else None
    return ApiServices(
        store or engine(),
        config,
        authenticate,
        registry,
        make_metrics().api_request_seconds,
        lambda: {"buffered_bytes": 5},
        broken or state["policies"],
        broken or state["usage"],
        broken or state["owners"],
        broken or state["dashboards"],
        broken or state["saved"],
    )


def call(method: str, path: str, given: ApiServices | None = None, **request: Any) -> httpx.Response:
    async def work() -> httpx.Response:
        transport = httpx.ASGITransport(app_of(given or state["services"]), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://traceo") as client:
            return await client.request(method, path, **request)

    return begin(work()).result()


state: dict[str, Any] = {}


@pytest.fixture(scope="module", autouse=True)
def policies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    database = open_state(f"sqlite:///{tmp_path_factory.mktemp('state')}/state.db")
    state["policies"], state["usage"] = PolicyService(database), MetricUsage(database)
    state["owners"] = OwnerService(database, OwnerFile(""))
    state["dashboards"], state["saved"] = DashboardService(database), SavedQueries(database)
    state["services"] = services()
    state["policies"].put(TENANT, POLICIES, False, "somebody")
    state["owners"].put(TENANT, "shop/eu", Owner(team="first"), "somebody")
    yield
    database.dispose()


@pytest.fixture(scope="module", autouse=True)
def data() -> None:
    """Once a process, in however many files this is a fixture."""
    _insert_data()


@cache
def _insert_data() -> None:
    spans = [span(trace, trace * 10, NOW - trace * 10**9, attributes={"n": trace}) for trace in range(1, 6)]
    insert(TENANT, Signal.TRACES, traces("shop/eu", spans))
    records = [{"time_unix_nano": NOW - n, "body": f"line {n}", "severity_number": 9} for n in range(5)]
    insert(TENANT, Signal.LOGS, logs("shop/eu", records))
    insert(TENANT, Signal.METRICS, metrics("shop/eu", NOW))


ROUTES = [
    ("GET", "/api/v1/services", {}),
    ("GET", "/api/v1/services/edges", {}),
    ("GET", "/api/v1/services/shop%2Feu/operations", {}),
    ("GET", "/api/v1/red", {}),
    ("GET", "/api/v1/traces", {}),
    ("GET", "/api/v1/traces/1", {}),
    ("GET", "/api/v1/logs", {}),
    ("GET", "/api/v1/logs/context?resource_id=1&time=now", {}),
    ("GET", "/api/v1/links?trace_id=1", {}),
    ("GET", "/api/v1/logs/patterns", {}),
    ("GET", "/api/v1/logs/patterns/compare", {}),
    ("GET", "/api/v1/traces/1/critical-path", {}),
    ("GET", "/api/v1/analysis/critical-path?service=shop%2Feu&operation=GET%20%2F", {}),
    ("GET", "/api/v1/analysis/heatmap", {}),
    (
        "POST",
        "/api/v1/analysis/compare",
        {"json": {"selection": {"attributes": {"n": "1"}}, "baseline": {"attributes": {"n": "2"}}}},
    ),
    ("GET", "/api/v1/errors", {}),
    ("GET", "/api/v1/map", {}),
    ("GET", "/api/v1/map/diff?start=-10m&before_start=-1h&before_end=-10m", {}),
    ("GET", "/api/v1/map/edge?source=service:shop%2Feu&target=database:redis", {}),
    ("GET", "/api/v1/services/shop%2Feu/compare?start=-10m&before_start=-1h&before_end=-10m", {}),
    ("GET", "/api/v1/catalog", {}),
    ("GET", "/api/v1/deploys", {}),
    ("GET", "/api/v1/catalog/shop%2Feu", {}),
    ("GET", "/api/v1/owners", {}),
    ("PUT", "/api/v1/owners/shop%2Feu", {"json": {"team": "checkout", "apdex_ms": 300}}),
    ("DELETE", "/api/v1/owners/shop%2Feu", {}),
    ("GET", "/api/v1/saved-queries", {}),
    ("POST", "/api/v1/saved-queries", {"json": {"name": "n", "language": "logql", "query": '{a="b"}'}}),
    ("PUT", "/api/v1/saved-queries/1", {"json": {"name": "first", "query": "up == 0"}}),
    ("DELETE", "/api/v1/saved-queries/1", {}),
    ("GET", "/api/v1/metrics", {}),
    ("GET", "/api/v1/metrics/series", {}),
    ("GET", "/api/v1/metrics/points?name=latency", {}),
    ("POST", "/api/v1/sql", {"json": {"query": "SELECT 1"}}),
    ("POST", "/api/v1/sampling/simulate", {"json": {"document": "policies: [{name: all, type: always_sample}]"}}),
    ("POST", "/api/v1/sampling/keep", {"json": {"filter": {"service": "shop/eu"}}}),
    ("GET", "/api/v1/sampling/ledger?by=service", {}),
    ("GET", "/api/v1/sampling/budgets", {}),
    ("GET", "/api/v1/sampling/policies", {}),
    ("PUT", "/api/v1/sampling/policies", {"json": {"document": POLICIES}}),
    ("DELETE", "/api/v1/sampling/policies", {}),
    ("GET", "/api/v1/sampling/policies/versions", {}),
    ("GET", "/api/v1/sampling/policies/versions/1", {}),
    ("POST", "/api/v1/sampling/policies/versions/1/restore", {}),
    ("GET", "/api/v1/dashboards", {}),
    ("POST", "/api/v1/dashboards", {"json": {"dashboard": BOARD, "id": "shop"}}),
    ("GET", "/api/v1/dashboards/shop", {}),
    ("PUT", "/api/v1/dashboards/shop", {"json": {"dashboard": BOARD, "version": 1}}),
    ("GET", "/api/v1/dashboards/shop/versions", {}),
    ("GET", "/api/v1/dashboards/shop/versions/1", {}),
    ("POST", "/api/v1/dashboards/shop/versions/1/restore", {}),
    ("DELETE", "/api/v1/dashboards/shop", {}),
    ("GET", "/api/v1/cardinality", {}),
    ("GET", "/api/v1/status", {}),
    ("GET", "/api/v1/usage", {}),
]
STATELESS = [
    ("POST", "/api/v1/sampling/policies/validate", {"json": {"document": POLICIES}}),
    ("GET", "/api/v1/sampling/policies/types", {}),
    ("POST", "/api/v1/dashboards/import", {"json": {"dashboard": {"title": "a", "panels": [{"type": "pie"}]}}}),
]
PROBES = [("GET", "/healthz", {}), ("GET", "/readyz", {}), ("GET", "/metrics", {})]


def test_every_route_is_tried_here() -> None:
    paths = call("GET", "/api/v1/openapi.json").json()["paths"]
    assert sum(len(methods) for methods in paths.values()) == len(ROUTES) + len(STATELESS)
    answers = [route["responses"]["200"] for methods in paths.values() for route in methods.values()]
    assert all(answer["content"]["application/json"]["schema"] for answer in answers)


@pytest.mark.parametrize(("method", "path", "request_"), [*ROUTES, *STATELESS, *PROBES], ids=str)
def test_route_answers(method: str, path: str, request_: dict[str, Any]) -> None:
    response = call(method, path, **request_)
    assert response.status_code == 200, response.text
    assert response.content


@pytest.mark.parametrize(("method", "path", "request_"), [*ROUTES, *STATELESS], ids=str)
def test_answer_is_what_openapi_says(method: str, path: str, request_: dict[str, Any]) -> None:
    asked = {"type": "http", "method": method, "path": unquote(path.partition("?")[0]).removeprefix(PREFIX)}
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    route = next(route for route in routes if route.matches(asked)[0] == Match.FULL)
    answer = json.loads(call(method, path, **request_).text.replace("+00:00", "Z"))
    described(route.response_model, answer)


@pytest.mark.parametrize(("method", "path", "request_"), [*ROUTES, *STATELESS], ids=str)
@pytest.mark.parametrize(
    ("token", "status", "kind"), [("wrong", 401, "unauthenticated"), ("ingest", 403, "permission_denied")]
)
def test_route_needs_a_scope_that_ingest_is_not(
    method: str, path: str, request_: dict[str, Any], token: str, status: int, kind: str
) -> None:
    response = call(method, path, headers={"Authorization": f"Bearer {token}"}, **request_)
    assert (response.status_code, response.json()["error"]["type"]) == (status, kind)


@dataclass
class BrokenStore:
    """Fails every query in one way."""

    error: BaseException

    async def query(self, *_: Any) -> pa.Table:
        raise self.error

    async def free_disk_bytes(self) -> int:
        raise self.error


class BrokenService:
    """Fails every call in one way."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_: Any) -> None:
            raise self.error

        return fail


@cache
def failing(error: BaseException) -> ApiServices:
    """All services fail so."""
    return services(BrokenStore(error))


ERRORS = [
    (StoreUnavailable("gone"), 503, "store_unavailable"),
    (StoreError("odd"), 500, "store_error"),
    (BadData("odd"), 500, "store_error"),
    (Overloaded("full", retry_after_s=3), 429, "overloaded"),
    (NotFound("no"), 404, "not_found"),
    (PermissionDenied("no"), 403, "permission_denied"),
    (ZeroDivisionError("secret"), 500, "internal"),
]


@pytest.mark.parametrize(("method", "path", "request_"), ROUTES, ids=str)
@pytest.mark.parametrize(("error", "status", "kind"), ERRORS, ids=lambda value: str(value)[:20])
def test_every_route_has_the_one_error_shape(
    method: str, path: str, request_: dict[str, Any], error: BaseException, status: int, kind: str
) -> None:
    response = call(method, path, failing(error), **request_)
    assert response.status_code == status
    answer = response.json()
    assert set(answer) == {"error"} and set(answer["error"]) <= {"type", "message", "position", "hint"}
    assert answer["error"]["type"] == kind
    assert "secret" not in response.text
    if status == 429:
        assert response.headers["Retry-After"] == "3"


@pytest.mark.parametrize(
    ("method", "path", "request_", "status"),
    [
        ("GET", "/api/v1/nothing", {}, 404),
        ("GET", "/api/v1/traces/xyz", {}, 400),
        ("GET", "/api/v1/traces/99999", {}, 404),
        ("GET", "/api/v1/red?points=0", {}, 400),
        ("GET", "/api/v1/traces?limit=0", {}, 400),
        ("GET", "/api/v1/traces?limit=x", {}, 400),
        ("GET", "/api/v1/traces?start=yesterday", {}, 400),
        ("GET", "/api/v1/traces?start=now&end=-1h", {}, 400),
        ("GET", "/api/v1/traces?attr=x", {}, 400),
        ("GET", "/api/v1/traces?status=bad", {}, 400),
        ("GET", "/api/v1/traces?min_duration=5", {}, 400),
        ("GET", "/api/v1/traces?cursor=abc", {}, 400),
        ("POST", "/api/v1/sampling/simulate", {"json": {"document": "policies: [{name: a, type: latncy}]"}}, 400),
        ("POST", "/api/v1/sampling/simulate", {"json": {"document": "policies: []", "source": "new"}}, 400),
        ("POST", "/api/v1/sampling/keep", {"json": {}}, 400),
        ("POST", "/api/v1/sampling/keep", {"json": {"trace_ids": ["x"]}}, 400),
        ("POST", "/api/v1/sampling/keep", {"json": {"filter": {"status": "bad"}}}, 400),
        ("GET", "/api/v1/sampling/ledger?by=colour", {}, 400),
        ("GET", "/api/v1/cardinality?limit=0", {}, 400),
        ("GET", "/api/v1/logs?min_severity=loud", {}, 400),
        ("GET", "/api/v1/logs?cursor=WzFd", {}, 400),
        ("GET", "/api/v1/logs/patterns?step=5", {}, 400),
        ("GET", "/api/v1/logs?span_id=x", {}, 400),
        ("GET", "/api/v1/logs/context", {}, 400),
        ("GET", "/api/v1/logs/context?resource_id=-1&time=now", {}, 400),
        ("GET", "/api/v1/logs/context?resource_id=1&time=now&reach=0s", {}, 400),
        ("GET", "/api/v1/links", {}, 400),
        ("GET", "/api/v1/links?trace_id=1&resource_id=1", {}, 400),
        ("GET", "/api/v1/links?span_id=1", {}, 400),
        ("GET", "/api/v1/logs/patterns?start=1970-01-01T00:00:00Z", {}, 422),
        ("GET", "/api/v1/logs/patterns/compare?before_start=now", {}, 400),
        ("GET", "/api/v1/metrics/points", {}, 400),
        ("GET", "/api/v1/metrics/points?series_id=-1", {}, 400),
        ("GET", "/api/v1/metrics/points?name=none", {}, 404),
        ("DELETE", "/api/v1/traces", {}, 405),
        ("POST", "/api/v1/sql", {"content": b"{"}, 400),
        ("POST", "/api/v1/sql", {"json": {"query": 1}}, 400),
        ("POST", "/api/v1/sql", {"json": {"query": "SELECT 1", "more": 1}}, 400),
        ("POST", "/api/v1/sql", {"json": {"query": "SELECT * FROM system.one"}}, 400),
        ("POST", "/api/v1/sql", {"json": {"query": "SELECT nothing FROM spans"}}, 400),
    ],
    ids=str,
)
def test_wrong_requests_are_told_why(method: str, path: str, request_: dict[str, Any], status: int) -> None:
    response = call(method, path, **request_)
    assert response.status_code == status, response.text
    assert response.json()["error"]["message"]


def test_pages_follow_the_cursor() -> None:
    for path in ("traces", "logs"):
        asked = f"/api/v1/{path}?service=shop%2Feu&end=%2B1h"
        pages, cursor = [], ""
        while cursor is not None:
            page = call("GET", f"{asked}&limit=3{cursor and '&cursor='}{cursor}").json()
            pages.append(page[path])
            cursor = page["next_cursor"]
        assert [row for page in pages for row in page] == call("GET", f"{asked}&limit=100").json()[path]
        assert [len(page) for page in pages] == [3, 2]


def test_a_tenant_sees_its_own_only() -> None:
    answer = call("GET", "/api/v1/services", headers={"X-Scope-OrgID": "somebody-else"}).json()
    assert answer == {"services": []}


def test_sql_keeps_64_bits_and_names_types() -> None:
    query = "SELECT toUInt64(18446744073709551615) AS n, 'a' AS s, {p:UInt8} AS p, now() AS t, [1.5] AS l, nan AS x"
    answer = call("POST", "/api/v1/sql", json={"query": query, "params": {"p": 7}})
    assert [column["type"] for column in answer.json()["columns"]] == [
        *("UInt64", "String", "UInt8", "DateTime", "Array(Float64)", "Float64"),
    ]
    assert answer.json()["rows"][0][0] == 18446744073709551615
    assert answer.json()["rows"][0][5] == "nan"


def test_what_the_quick_writer_of_json_cannot_say_another_says() -> None:
    assert answer({"n": 1 << 70, "of": {1: "é"}}).body == '{"n":1180591620717411303424,"of":{"1":"é"}}'.encode()


def test_a_trace_is_compressed_for_who_takes_that() -> None:
    tenant = f"{TENANT}-long"
    insert(tenant, Signal.TRACES, traces("shop", [span(1, 1, NOW, name="n" * 1000)]))
    for encoding in ("gzip", "identity"):
        headers = {"X-Scope-OrgID": tenant, "accept-encoding": encoding}
        found = call("GET", "/api/v1/traces/1", headers=headers)
        assert found.headers.get("content-encoding", "identity") == encoding
        assert found.json()["spans"][0]["name"] == "n" * 1000


def test_status_says_what_runs() -> None:
    status = call("GET", "/api/v1/status").json()
    assert status["store"] == "chdb"
    assert status["free_disk_bytes"] > 0
    assert status["buffered_bytes"] == 5


def test_own_metrics_are_prometheus_text() -> None:
    assert "traceo_test_total 1.0" in call("GET", "/metrics").text


def test_not_ready_without_disk_or_engine() -> None:
    full = replace(services(), config=Config(data_dir=Path("/x"), store=Store(min_free_disk=1 << 60)))
    assert call("GET", "/readyz", full).status_code == 507
    assert call("GET", "/readyz", services(BrokenStore(StoreUnavailable("gone")))).status_code == 503
    assert call("GET", "/healthz", services(BrokenStore(StoreUnavailable("gone")))).status_code == 200


@dataclass
class SlowStore:
    """Answers when it is told to; a cancelled caller does not make it stop at once."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    running: int = 0
    started: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def query(self, *_: Any) -> pa.Table:
        self.running += 1
        self.started.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.stopping.set()
            await self.go.wait()
            raise
        finally:
            self.running -= 1
        return pa.table({"type": ["UInt8"]})  # fits DESCRIBE, too


SQL = {"json": {"query": "SELECT 1"}}


def test_requests_are_measured_by_route_and_status() -> None:
    given = services()
    for path in ("/api/v1/traces/1", "/api/v1/traces/2", "/api/v1/services?start=soon", "/a/b", "/a/c"):
        call("GET", path, given)
    seen = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for metric in given.request_seconds.collect()
        for sample in metric.samples
        if sample.name.endswith("_count")
    }
    assert seen == {("/api/v1/traces/{trace_id}", "200"): 2, ("/api/v1/services", "400"): 1, ("none", "404"): 2}


def test_openapi_tells_the_errors_that_are_answered() -> None:
    paths = call("GET", "/api/v1/openapi.json").json()["paths"]
    for operations in paths.values():
        for operation in operations.values():
            assert {"400", "401", "403", "404", "422", "429", "503"} < set(operation["responses"])
            schema = operation["responses"]["422"]["content"]["application/json"]["schema"]
            assert schema["$ref"].endswith("/ErrorAnswer")


def test_too_many_queries_are_told_to_wait() -> None:
    async def work() -> None:
        store = SlowStore()
        config = Config(data_dir=Path("/x"), query=Query(max_concurrent=1, timeout=0.3))
        async with client_of(services(store, config)) as client:
            first = asyncio.create_task(client.post("/api/v1/sql", **SQL))
            await store.started.wait()
            second = await client.post("/api/v1/sql", **SQL)
            assert (second.status_code, second.headers["Retry-After"]) == (429, "1")
            store.go.set()
            assert (await first).status_code == 200
            assert (await client.post("/api/v1/sql", **SQL)).status_code == 200

    asyncio.run(work())


def test_a_caller_who_leaves_frees_the_place_when_the_engine_is_done() -> None:
    async def work() -> None:
        store = SlowStore()
        config = Config(data_dir=Path("/x"), query=Query(max_concurrent=1, timeout=0.3))
        async with client_of(services(store, config)) as client:
            first = asyncio.create_task(client.post("/api/v1/sql", **SQL))
            await store.started.wait()
            first.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await first
            await store.stopping.wait()
            assert store.running == 1
            assert (await client.post("/api/v1/sql", **SQL)).status_code == 429
            store.go.set()
            assert (await client.post("/api/v1/sql", **SQL)).status_code == 200

    asyncio.run(work())


def test_one_tenant_does_not_keep_all_places() -> None:
    async def work() -> None:
        store = SlowStore()
        config = Config(data_dir=Path("/x"), query=Query(max_concurrent=2, max_concurrent_per_tenant=1, timeout=0.3))
        async with client_of(services(store, config)) as client:
            first = asyncio.create_task(client.post("/api/v1/sql", **SQL))
            await store.started.wait()
            assert (await client.post("/api/v1/sql", **SQL)).status_code == 429
            other = asyncio.create_task(client.post("/api/v1/sql", **SQL, headers={"X-Scope-OrgID": "other"}))
            store.go.set()
            assert [(await task).status_code for task in (first, other)] == [200, 200]

    asyncio.run(work())


def client_of(given: ApiServices) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(make_api(given)), base_url="http://traceo")
