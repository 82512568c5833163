"""The API's services, and streams that most tests look at."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.api.loki.pushed import push
from tests.api.prometheus.client import call, make_services
from tests.moment import NOW_S
from tests.query.engine import insert
from tests.query.telemetry import logs
from traceo.api.app import ApiServices
from traceo.state.database import open_state
from traceo.store.base import Signal

NOW = NOW_S * 10**9
SECOND = 10**9
TENANT = f"loki-{secrets.token_hex(4)}"
Get = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServices]:
    database = open_state(f"sqlite:///{tmp_path_factory.mktemp('state')}/state.db")
    yield make_services(database)
    database.dispose()


@pytest.fixture(scope="session")
def data() -> str:
    """The tenant: 20 lines of the shop, 10 of the cart, one of OpenTelemetry."""
    shop: list[Any] = [
        (NOW - place * SECOND, f'level=info msg="order {place}" took={place}ms status=200', {"user": f"u{place}"})
        for place in range(20)
    ]
    cart: list[Any] = [
        (NOW - 30 * SECOND - place, f'{{"level":"error","msg":"no {place}","nested":{{"n":1.5}}}}')
        for place in range(10)
    ]
    push(TENANT, ('{app="shop", env="prod", pod="shop-1"}', shop), ('{app="cart", env="dev"}', cart))
    record = {"body": "from OTLP", "time_unix_nano": NOW - 40 * SECOND, "severity_number": 13, "trace_id": b"\1" * 16}
    insert(TENANT, Signal.LOGS, logs("pay", [record], {"k8s.pod.name": "pay-1", "host.name": "h1"}, {"lib.kind": "x"}))
    return TENANT


@pytest.fixture(scope="module")
def get(services: ApiServices, data: str) -> Get:
    """`get("query_range", query="{}")`: the answer of a GET, of the hour around the data."""

    def ask(path: str, headers: dict[str, str] | None = None, method: str = "GET", **params: Any) -> httpx.Response:
        params = {"start": str(NOW - 3600 * SECOND), "end": str(NOW + SECOND), **params}
        params = {{"match": "match[]"}.get(name, name): value for name, value in params.items() if value is not None}
        sent = {"params": params} if method == "GET" else {"data": params}
        return call(
            services, method, f"/loki/api/v1/{path}", headers={"X-Scope-OrgID": data, **(headers or {})}, **sent
        )

    return ask
