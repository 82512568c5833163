"""CORS, OPTIONS, and what is no route: as Debian's Prometheus answered the same requests."""

from dataclasses import replace

import pytest

from tests.api.prometheus.client import call
from traceo.api.app import ApiServices
from traceo.config import Promql

API = "/prometheus/api/v1"
ORIGIN = {"Origin": "http://grafana.example.com"}
NO_PAGE, NO_METHOD = "404 page not found\n", "Method Not Allowed\n"


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed", "text"),
    [
        ("OPTIONS", f"{API}/query", 204, None, ""),
        ("OPTIONS", f"{API}/nothing/x", 204, None, ""),
        ("OPTIONS", f"{API}/read", 204, None, ""),
        ("OPTIONS", "/prometheus/federate", 200, "GET, OPTIONS", ""),
        ("GET", f"{API}/nothing", 404, None, NO_PAGE),
        ("GET", "/prometheus/nothing", 404, None, NO_PAGE),
        ("DELETE", f"{API}/query", 405, "GET, OPTIONS, POST", NO_METHOD),
        ("HEAD", f"{API}/query", 405, "GET, OPTIONS, POST", ""),
        ("POST", f"{API}/label/a/values", 405, "GET, OPTIONS", NO_METHOD),
        ("POST", "/prometheus/federate", 405, "GET, OPTIONS", NO_METHOD),
        ("POST", "/prometheus/-/healthy", 405, "GET, HEAD, OPTIONS", NO_METHOD),
        ("GET", f"{API}/read", 405, "OPTIONS, POST", NO_METHOD),
        ("HEAD", "/prometheus/-/healthy", 200, None, ""),
    ],
)
def test_what_is_no_route_is_answered_in_gos_words(
    services: ApiServices, method: str, path: str, status: int, allowed: str | None, text: str
) -> None:
    answer = call(services, method, path, headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.headers.get("allow"), answer.text) == (status, allowed, text)
    assert "access-control-allow-origin" not in answer.headers
    if status in (404, 405):
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", f"{API}/query?query=1", "*"),
        ("GET", f"{API}/query?query=", "*"),
        ("OPTIONS", f"{API}/query", "*"),
        ("OPTIONS", f"{API}/write", "*"),
        ("POST", f"{API}/read", None),
        ("GET", f"{API}/nothing", None),
        ("GET", "/prometheus/federate", None),
        ("GET", "/api/v1/status", None),
    ],
)
def test_pages_of_other_origins_may_ask(services: ApiServices, method: str, path: str, allowed: str | None) -> None:
    headers = call(services, method, path, headers=ORIGIN).headers
    assert headers.get("access-control-allow-origin") == allowed
    if allowed:
        assert headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
        assert headers["access-control-allow-headers"] == "Accept, Authorization, Content-Type, Origin"
        assert (headers["access-control-expose-headers"], headers["vary"]) == ("Date", "Origin")


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [("https?://.*\\.example\\.com", ORIGIN["Origin"]), ("https://grafana", None), ("", None)],
)
def test_origins_can_be_chosen(services: ApiServices, pattern: str, allowed: str | None) -> None:
    config = replace(services.config, promql=Promql(cors_origin=pattern))
    headers = call(replace(services, config=config), "GET", f"{API}/query?query=1", headers=ORIGIN).headers
    assert headers.get("access-control-allow-origin") == allowed
    assert ("access-control-allow-methods" in headers) == (pattern != "")


def test_metadata_of_targets_is_chosen_by_their_labels(services: ApiServices) -> None:
    rows = [{"target": {"job": job}, "metric": "m", "type": "gauge", "help": "", "unit": ""} for job in ("a", "b")]
    scraping = replace(services, target_metadata=lambda tenant, metric: iter(rows))
    for params, found in (({"match_target": '{job=~"b|c"}'}, rows[1:]), ({"limit": "1"}, rows[:1]), ({}, rows)):
        assert call(scraping, "GET", f"{API}/targets/metadata", params=params).json()["data"] == found
