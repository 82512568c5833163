"""The UI as files: which answer a path gets, compressed or not, under which policy."""

import re
from pathlib import Path

import pytest

from tests.api.test_api import call, policies  # noqa: F401
from tests.query.engine import engine
from traceo.api import ui


@pytest.fixture(scope="module", autouse=True)
def started() -> None:
    """The engine cannot be started within an event loop."""
    engine()


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ASSET = re.compile(r'rel="modulepreload" href="(/assets/app-[\w-]+\.js)"')


@pytest.mark.parametrize("path", ["/", "/services", "/services/shop%2Feu", "/traces/0af7", "/no/such/page"])
def test_browser_gets_the_page(path: str) -> None:
    response = call("GET", path, headers=BROWSER)
    assert response.status_code == 200
    assert '<div id="root">' in response.text and "__CSP_NONCE__" not in response.text
    policy = response.headers["content-security-policy"]
    (nonce,) = re.findall(r"'nonce-([\w-]{20,})'", policy)
    assert f'content="{nonce}"' in response.text
    assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
    assert call("GET", path, headers=BROWSER).headers["content-security-policy"] != policy


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/prometheus/nothing", "/v1/nothing", "/assets/nothing.js", "/loki/x"]
)
def test_path_of_an_api_is_no_page(path: str) -> None:
    response = call("GET", path, headers=BROWSER)
    assert response.status_code == 404 and "<div" not in response.text


def test_program_is_told_that_there_is_nothing() -> None:
    assert call("GET", "/services").json()["error"]["message"] == "there is no /services"
    assert call("POST", "/services", headers=BROWSER).status_code in (404, 405)


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("identity", None)])
def test_asset_is_compressed_as_the_browser_likes_and_kept(accepted: str, encoding: str | None) -> None:
    path = ASSET.findall(call("GET", "/", headers=BROWSER).text)[0]
    response = call("GET", path, headers={"Accept-Encoding": accepted})
    assert response.headers.get("content-encoding") == encoding
    assert response.headers["content-type"].startswith("text/javascript") and len(response.content) > 100_000
    assert "immutable" in response.headers["cache-control"] and response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/assets/..%2findex.html", "/assets/%2e%2e/%2e%2e/ui.py", "/assets/x.js.br", "/theme.js/"]
)
def test_no_other_file_is_served(path: str) -> None:
    response = call("GET", path)
    assert response.status_code in (404, 307) and b"import" not in response.content


def test_the_page_says_so_when_it_was_not_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ui, "STATIC", tmp_path)
    ui._files.cache_clear()
    try:
        assert "make web" in call("GET", "/").text
    finally:
        ui._files.cache_clear()
