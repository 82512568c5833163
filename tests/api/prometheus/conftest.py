"""The API's services, and series that most tests look at."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.api.prometheus.client import PREFIX, call, make_services
from tests.api.prometheus.stored import store_series
from tests.moment import NOW_S
from traceo.api.app import ApiServices
from traceo.state.database import open_state

NOW_MS = NOW_S * 1000
TENANT = "prometheus"
Get = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServices]:
    database = open_state(f"sqlite:///{tmp_path_factory.mktemp('state')}/state.db")
    yield make_services(database)
    database.dispose()


@pytest.fixture(scope="session", autouse=True)
def data() -> None:
    points = [(NOW_MS - 1000 * back, float(back)) for back in range(0, 600, 15)]
    for instance in ("a:1", "b:2"):
        store_series(TENANT, "up", {"job": "api", "instance": instance}, points)
    store_series(TENANT, "http_requests_total", {"job": "api", "instance": "a:1", "code": "200"}, points)
    store_series(TENANT, "gone", {"job": "old"}, [(NOW_MS - 30_000, 1.0), (NOW_MS - 10_000, None)])  # type: ignore[list-item]
    store_series(TENANT, "odd", {"text": 'a "quoted"\\ line\nend é'}, [(NOW_MS, float("nan"))])


@pytest.fixture(scope="module")
def get(services: ApiServices) -> Get:
    """`get("query", query="up")`: the answer of a GET, parameters by name; `match` stands for `match[]`."""

    def ask(path: str, **params: Any) -> httpx.Response:
        named = {{"match": "match[]"}.get(name, name): value for name, value in params.items()}
        return call(services, "GET", f"{PREFIX}/{path}", params=named)

    return ask
