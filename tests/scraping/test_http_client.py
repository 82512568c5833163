"""How targets are called: TLS, credentials, OAuth 2, proxies and redirects, against real servers."""

import asyncio
import gc
import json
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.scraping.targets import Serve, answer, run_target
from traceo.scraping.http_client import HttpConfig, extensions_of, make_client, take_http_config
from traceo.yamltree import Fields

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


def config_of(folder: Path, **fields: Any) -> HttpConfig:
    root: Any = yaml.compose(json.dumps(fields))
    return take_http_config(Fields(root, "", folder))


async def get(config: HttpConfig, url: str) -> httpx.Response:
    async with make_client(config) as client:
        return await client.get(url, extensions=extensions_of(config))


class Recorder:
    """Answers in turn, and keeps the heads of the requests."""

    def __init__(self, *answers: bytes) -> None:
        self.heads: list[str] = []
        self._answers = list(answers)

    async def __call__(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        self.heads.append(head.decode())
        writer.write(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])


def serve_and(serve: Serve, work: Callable[[str], Awaitable[Any]], tls: ssl.SSLContext | None = None) -> Any:
    async def run() -> Any:
        async with run_target(serve, tls) as address:
            return await work(address)

    return asyncio.run(run())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `target.test`, which is its own authority, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=target.test"
    more = ["-addext", "subjectAltName=DNS:target.test", "-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    subprocess.run([*command.split(), *more], cwd=folder, check=True, capture_output=True)
    return folder


OWN_TLS = {"ca_file": "cert.pem", "server_name": "target.test", "cert_file": "cert.pem", "key_file": "key.pem"}


@needs_openssl
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("tls", "works"),
    [
        pytest.param(OWN_TLS, True, id="known authority, own certificate"),
        pytest.param({**OWN_TLS, "min_version": "TLS13"}, False, id="a version that the target does not have"),
        pytest.param({**OWN_TLS, "max_version": "TLS12"}, True, id="the version that the target has"),
        pytest.param({**OWN_TLS, "server_name": ""}, False, id="another name"),
        pytest.param({**OWN_TLS, "ca_file": ""}, False, id="unknown authority"),
        pytest.param(
            {"cert_file": "cert.pem", "key_file": "key.pem", "insecure_skip_verify": True}, True, id="unverified"
        ),
        pytest.param({"ca_file": "cert.pem", "server_name": "target.test"}, False, id="without own certificate"),
    ],
)
def test_tls(tls: dict[str, Any], works: bool, certificates: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "cert.pem"))
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.verify_mode, context.maximum_version = ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_2

    async def work(address: str) -> int:
        return (await get(config_of(certificates, tls_config=tls), f"https://{address}/")).status_code

    if works:
        assert serve_and(Recorder(answer("a 1")), work, context) == 200
    else:
        with pytest.raises(httpx.ConnectError):
            serve_and(Recorder(answer("a 1")), work, context)
    gc.collect()  # asyncio leaves the socket of a handshake that failed to the collector, which warns: here it may


def test_token_in_a_file_is_read_for_each_request(tmp_path: Path) -> None:
    server = Recorder(answer("a 1"))
    (tmp_path / "token").write_text("one\n")

    async def work(address: str) -> None:
        async with make_client(config_of(tmp_path, authorization={"credentials_file": "token"})) as client:
            await client.get(f"http://{address}/")
            (tmp_path / "token").write_text("two\n")
            await client.get(f"http://{address}/")

    serve_and(server, work)
    assert ["Bearer one" in server.heads[0], "Bearer two" in server.heads[1]] == [True, True]


def test_oauth2_asks_for_a_token_once(tmp_path: Path) -> None:
    server = Recorder(answer('{"access_token": "abc", "expires_in": 3600}', "application/json"), answer("a 1"))

    async def work(address: str) -> None:
        oauth2 = {"client_id": "me", "client_secret": "s", "token_url": f"http://{address}/token", "scopes": ["a", "b"]}
        async with make_client(config_of(tmp_path, oauth2=oauth2)) as client:
            for _ in range(2):
                await client.get(f"http://{address}/metrics")

    serve_and(server, work)
    token, *requests = server.heads
    assert token.startswith("POST /token") and "grant_type=client_credentials&scope=a+b" in token
    assert len(requests) == 2 and all("Bearer abc" in head for head in requests)


def test_proxy_is_asked_instead_of_the_target_but_for_hosts_that_go_without(tmp_path: Path) -> None:
    server = Recorder(answer("a 1"))

    async def work(address: str) -> None:
        config = config_of(tmp_path, proxy_url=f"http://{address}", no_proxy="127.0.0.1")
        await get(config, "http://nowhere.test/metrics")
        await get(config, f"http://{address}/direct")

    serve_and(server, work)
    assert server.heads[0].startswith("GET http://nowhere.test/metrics ")
    assert server.heads[1].startswith("GET /direct ")


@pytest.mark.parametrize("follow", [True, False])
def test_redirects_are_followed_if_they_may(follow: bool, tmp_path: Path) -> None:
    server = Recorder(answer("", status="302 Found", more="Location: /other\r\n"), answer("a 1"))

    async def work(address: str) -> int:
        return (await get(config_of(tmp_path, follow_redirects=follow), f"http://{address}/")).status_code

    assert serve_and(server, work) == (200 if follow else 302)
