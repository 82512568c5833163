"""Sampling policies over HTTP, on SQLite and PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from tests.api.prometheus.client import begin
from traceo.access.model import Scope
from traceo.access.service import AccessService
from traceo.api.app import ApiServices, make_api
from traceo.cardinality.usage import MetricUsage
from traceo.catalog.owner_file import OwnerFile
from traceo.catalog.owners import OwnerService
from traceo.config import Access, Config
from traceo.dashboards.service import DashboardService
from traceo.policies.model import ALL_TENANTS
from traceo.policies.service import PolicyService
from traceo.saved.queries import SavedQueries
from traceo.state.database import open_state
from traceo.telemetry import make_metrics

URL = "/api/v1/sampling/policies"
ALL = "policies: [{name: all, type: always_sample}]\n"
SLOW = "decision_wait: 5s\nnum_traces: 7\npolicies: [{name: slow, type: latency, latency: {threshold_ms: 500}}]\n"
WRONG = "policies: [{name: a, type: latency, latency: {treshold_ms: 5}}]"
OTTL = "policies: [{name: a, type: ottl_condition, ottl_condition: {span: ['name ==']}}]"
YAML = {"content-type": "application/yaml; charset=utf-8"}


apps: list[FastAPI] = []


def app_over(services: ApiServices) -> FastAPI:
    """The same one for all tests: to build its routes takes longer than a request. Only its services are changed."""
    if not apps:
        apps.append(make_api(services))
    apps[0].state.services = services
    return apps[0]


class Client:
    """Calls the application as tenant `shop`, with a token of all scopes."""

    def __init__(self, engine: Engine) -> None:
        config = Config(data_dir=Path("/nowhere"), access=Access(mode="token"))
        access = AccessService(engine, config)
        self.policies = PolicyService(engine)
        registry, seconds, store = CollectorRegistry(), make_metrics().api_request_seconds, cast(Any, None)
        self.services = ApiServices(
            store,
            config,
            access.authenticate,
            registry,
            seconds,
            dict,
            self.policies,
            MetricUsage(engine),
            OwnerService(engine, OwnerFile("")),
            DashboardService(engine),
            SavedQueries(engine),
        )
        self.secrets = {
            scope: access.create_token("shop", f"only {scope}", [scope])[1] for scope in (Scope.QUERY, Scope.ADMIN)
        }
        self.secrets["all"] = access.create_token("shop", "ci", list(Scope))[1]  # type: ignore[index]

    def __call__(self, method: str, path: str = "", token: str = "all", **request: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.secrets[token]}", **request.pop("headers", {})}  # type: ignore[index]

        async def work() -> httpx.Response:
            transport = httpx.ASGITransport(app_over(self.services))
            async with httpx.AsyncClient(transport=transport, base_url="http://traceo") as client:
                return await client.request(method, URL + path, headers=headers, **request)

        return begin(work()).result()


@pytest.fixture
def client(state_url: str) -> Iterator[Client]:
    engine = open_state(state_url)
    yield Client(engine)
    engine.dispose()


def error(response: httpx.Response) -> tuple[int, str, str]:
    said = response.json()["error"]
    return response.status_code, said["type"], said["message"]


def test_nothing_is_set_at_first(client: Client) -> None:
    answer = client("GET").json()
    assert (answer["source"], answer["version"], answer["document"]) == ("none", None, None)
    assert client("GET", "/versions").json() == {"versions": []}


@pytest.mark.parametrize("kind", ["application/yaml", "text/plain", "application/json"])
def test_policies_are_set_and_shown(client: Client, kind: str) -> None:
    if kind == "application/json":
        put = client("PUT", json={"document": SLOW, "dry_run": True, "comment": "try"})
    else:
        put = client("PUT", "?dry_run=true&comment=try", content=SLOW, headers={"content-type": kind})
    assert put.status_code == 200, put.text
    answer = put.json()
    assert (answer["version"], answer["mode"], answer["document"]) == (1, "dry_run", SLOW)
    assert (answer["created_by"], answer["comment"], answer["decision_wait_s"]) == ("token ci", "try", 5)
    assert answer["policies"] == [{"name": "slow", "type": "latency"}]
    assert answer["notes"] == ["num_traces: not needed here, traces wait in the store, not in memory"]
    assert client("GET").json() == {"source": "own", **answer}
    assert client("GET", "/versions/1").json() == answer
    assert client.policies.samples("shop")


@pytest.mark.parametrize("path", ["", "/validate"])
@pytest.mark.parametrize(
    ("request_", "status", "kind", "says"),
    [
        ({"content": WRONG, "headers": YAML}, 400, "invalid_request", "policies[0].latency.treshold_ms: unknown field"),
        ({"json": {"document": WRONG}}, 400, "invalid_request", "did you mean threshold_ms"),
        ({"content": OTTL, "headers": YAML}, 400, "parse_error", "policies[0].ottl_condition.span[0]"),
        ({"content": "", "headers": YAML}, 400, "invalid_request", "no policies"),
        ({"content": b"\xff", "headers": YAML}, 400, "invalid_request", "not UTF-8"),
        ({"content": ALL}, 415, "unsupported_media_type", "application/yaml"),
        ({"data": {"a": ALL}}, 415, "unsupported_media_type", "x-www-form-urlencoded"),
        ({"content": b"x" * (1 << 21), "headers": YAML}, 413, "payload_too_large", "larger than 1048576"),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "invalid_request", "JSON"),
        ({"json": {"document": ALL, "dryrun": True}}, 400, "invalid_request", "dryrun"),
        ({"json": {"document": 5}}, 400, "invalid_request", "document"),
        ({"json": {"dry_run": True}}, 400, "invalid_request", "document"),
        ({"json": {"document": ALL, "comment": "x" * 1001}}, 400, "invalid_request", "comment"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str | int) else None,
)
def test_wrong_policies_are_refused_and_not_stored(
    client: Client, path: str, request_: dict[str, Any], status: int, kind: str, says: str
) -> None:
    got_status, got_kind, message = error(client("POST" if path else "PUT", path, **request_))
    assert (got_status, got_kind) == (status, kind) and says in message
    assert client("GET", "/versions").json() == {"versions": []}


def test_error_of_a_condition_has_its_position(client: Client) -> None:
    said = client("PUT", content=OTTL, headers=YAML).json()["error"]
    assert said["position"] == 7


def test_validation_stores_nothing(client: Client) -> None:
    answer = client("POST", "/validate", content=SLOW, headers=YAML).json()
    assert (answer["decision_wait_s"], len(answer["notes"]), answer["policies"][0]["name"]) == (5, 1, "slow")
    assert client("POST", "/validate", content="default", headers=YAML).json()["policies"] == []
    assert client("GET").json()["source"] == "none"


def test_versions_are_listed_and_restored(client: Client) -> None:
    for document in (SLOW, ALL):
        client("PUT", content=document, headers=YAML)
    restored = client("POST", "/versions/1/restore").json()
    assert (restored["version"], restored["document"], restored["comment"]) == (3, SLOW, "version 1 restored")
    versions = client("GET", "/versions").json()["versions"]
    assert [version["version"] for version in versions] == [3, 2, 1]
    assert "document" not in versions[0]


@pytest.mark.parametrize(("number", "status"), [("9", 404), ("0", 400), ("x", 400), (str(1 << 40), 400)])
def test_missing_versions_are_told(client: Client, number: str, status: int) -> None:
    assert error(client("GET", f"/versions/{number}"))[0] == status
    assert error(client("POST", f"/versions/{number}/restore"))[0] == status


def test_tenant_switches_off_and_goes_by_the_default_again(client: Client) -> None:
    client.policies.put(ALL_TENANTS, SLOW, False, "file")
    answer = client("GET").json()
    assert (answer["source"], answer["created_by"], answer["document"]) == ("default", "file", SLOW)
    off = client("DELETE", "?comment=noise").json()
    assert (off["version"], off["mode"], off["document"], off["comment"]) == (1, "off", "", "noise")
    assert (client("GET").json()["source"], client.policies.samples("shop")) == ("own", False)
    assert client("PUT", json={"document": "default"}).json()["mode"] == "default"
    assert (client("GET").json()["source"], client.policies.samples("shop")) == ("default", True)


def test_reading_needs_query_and_writing_needs_admin(client: Client) -> None:
    reads = [("GET", ""), ("GET", "/versions"), ("GET", "/versions/1"), ("POST", "/validate")]
    writes = [("PUT", ""), ("DELETE", ""), ("POST", "/versions/1/restore")]
    body = {"content": ALL, "headers": YAML}
    assert client("PUT", token="admin", **body).status_code == 200
    for token, allowed, refused in (("query", reads, writes), ("admin", writes, reads)):
        for method, path in allowed:
            assert client(method, path, token=token, **body).status_code == 200
        for method, path in refused:
            status, kind, message = error(client(method, path, token=token, **body))
            assert (status, kind) == (403, "permission_denied") and "scope" in message


def test_what_another_replica_set_is_seen_at_once(client: Client, state_url: str) -> None:
    assert client("GET").json()["source"] == "none"
    other = open_state(state_url)
    PolicyService(other).put("shop", ALL, False, "elsewhere")
    assert client("GET").json()["created_by"] == "elsewhere"
    other.dispose()


def test_openapi_says_what_goes_in_and_comes_out(client: Client) -> None:
    paths = app_over(client.services).openapi()["paths"]
    put = paths[URL]["put"]
    assert set(put["requestBody"]["content"]) == {"application/yaml", "text/plain", "application/json"}
    assert {"200", "400", "401", "403", "413", "415"} <= set(put["responses"])
    for path, methods in paths.items():
        if path.startswith(URL):
            for operation in methods.values():
                assert "$ref" in operation["responses"]["200"]["content"]["application/json"]["schema"]
                assert operation["description"]


def test_owners_are_set_by_admins_and_seen_by_who_may_query(client: Client) -> None:
    url = "/../../owners"
    put = client("PUT", f"{url}/shop%2Feu", token="admin", json={"team": "checkout", "apdex_ms": 300})
    assert (put.status_code, put.json()["service"], put.json()["changed_by"]) == (200, "shop/eu", "token only admin")
    (row,) = client("GET", url, token="query").json()["owners"]
    assert row == put.json() and row["sources"] == {"team": "api", "apdex_ms": "api"}
    assert error(client("PUT", f"{url}/cart", token="query", json={"team": "a"}))[0] == 403
    assert error(client("GET", url, token="admin"))[0] == 403
    assert "tema" in error(client("PUT", f"{url}/cart", json={"tema": "a"}))[2]
    assert error(client("PUT", f"{url}/cart", json={"runbook": "javascript:x"}))[:2] == (400, "invalid_request")
    assert client("DELETE", f"{url}/shop%2Feu").json() == {"owners": []}
    assert error(client("DELETE", f"{url}/shop%2Feu"))[0] == 404
