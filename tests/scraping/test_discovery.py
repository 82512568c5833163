"""Discovery from files, HTTP and DNS: what is told, and what happens when a source goes wrong."""

import asyncio
import json
import os
import struct
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import dns.asyncresolver
import pytest
import yaml

from tests.scraping.targets import answer, run_target, wait_for
from traceo.scraping.discovery import dns as dns_discovery
from traceo.scraping.discovery import files
from traceo.scraping.discovery.dns import DnsTargets
from traceo.scraping.discovery.files import FileTargets
from traceo.scraping.discovery.groups import Group, Provider
from traceo.scraping.discovery.http import HttpTargets, read_http
from traceo.scraping.http_client import HttpConfig
from traceo.yamltree import Fields

Told = list[Sequence[Group]]
Work = Callable[[Told], Awaitable[None]]


async def follow(provider: Provider, work: Work) -> Told:
    """What a provider tells while `work` goes on."""
    told: Told = []
    task = asyncio.create_task(provider.run(told.append))
    try:
        await work(told)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return told


def addresses(found: Sequence[Group]) -> list[str]:
    return [target["__address__"] for group in found for target in group.targets]


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOOK_EVERY_S", 0.001)


def replace_file(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text)
    os.replace(path.with_suffix(".new"), path)


def test_files_are_read_and_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.yml"
    replace_file(first, '[{"targets": ["a:1"], "labels": {"env": "x"}}]')

    async def work(told: Told) -> None:
        await wait_for(lambda: bool(told))
        replace_file(second, "- targets: [b:1, b:2]")
        await wait_for(lambda: addresses(told[-1]) == ["a:1", "b:1", "b:2"])
        replace_file(first, '[{"targets": [')
        await wait_for(lambda: "targets were not read" in caplog.text)
        replace_file(second, "- targets: [b:3]")
        await wait_for(lambda: addresses(told[-1]) == ["a:1", "b:3"])
        second.unlink()
        await wait_for(lambda: addresses(told[-1]) == ["a:1"])

    told = asyncio.run(follow(FileTargets((f"{tmp_path}/*.json", f"{tmp_path}/*.yml")), work))
    assert told[0][0].labels == {"env": "x", "__meta_filepath": str(first)}


def test_no_files_are_no_targets(tmp_path: Path) -> None:
    async def work(told: Told) -> None:
        await wait_for(lambda: bool(told))

    assert asyncio.run(follow(FileTargets((f"{tmp_path}/*.json",)), work))[0] == []


JSON = "application/json"


def test_http_keeps_what_it_knew_when_an_answer_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    good = '[{"targets": ["a:1"], "labels": {"__meta_x": "y"}}]'
    wrong = [
        answer("[]", JSON, "500 No"), answer("[]", "text/html"), answer("{", JSON), answer('{"a": 1}', JSON),
        answer('[{"targets": "a"}]', JSON), answer('[{"target": []}]', JSON),
    ]  # fmt: skip
    answers = iter([answer(good, "application/json; charset=utf-8"), *wrong, answer('[{"targets": ["b:1"]}]', JSON)])
    heads: list[str] = []

    async def serve(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head.decode().lower())
        writer.write(next(answers, answer('[{"targets": ["b:1"]}]', JSON)))

    async def run() -> Told:
        async with run_target(serve) as address:

            async def work(told: Told) -> None:
                await wait_for(lambda: bool(told) and addresses(told[-1]) == ["b:1"])

            told = await follow(HttpTargets(f"http://{address}/sd", 0.001, HttpConfig()), work)
            assert told[0] == [Group(told[0][0].source, ({"__address__": "a:1"},), told[0][0].labels)]
            assert told[0][0].labels == {"__meta_x": "y", "__meta_url": f"http://{address}/sd"}
            return told

    told = asyncio.run(run())
    assert {tuple(addresses(found)) for found in told} == {("a:1",), ("b:1",)}
    assert "x-prometheus-refresh-interval-seconds: 0.001" in heads[0]
    for reason in ("HTTP status 500", "unsupported content type 'text/html'", "not valid JSON", "expected a list"):
        assert reason in caplog.text


TYPES = {1: "A", 28: "AAAA", 33: "SRV", 15: "MX", 2: "NS"}


def name_bytes(name: str) -> bytes:
    return b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split(".")) + b"\0"


RECORDS = {
    ("_m._tcp.test", "SRV"): [struct.pack("!3H", 0, 0, 9100) + name_bytes("host.test")],
    ("a.test", "A"): [bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])],
    ("a.test", "AAAA"): [bytes(15) + b"\x01"],
    ("a.test", "MX"): [struct.pack("!H", 5) + name_bytes("mail.test")],
    ("a.test", "NS"): [name_bytes("ns.test")],
}


class DnsServer(asyncio.DatagramProtocol):
    """Answers from RECORDS; a name that it does not have does not exist. While `broken`, it fails."""

    broken = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, peer: Any) -> None:
        parts, at = [], 12
        while data[at]:
            parts.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        kind = int.from_bytes(data[at + 1 : at + 3], "big")
        found = RECORDS.get((".".join(parts), TYPES.get(kind, "")), [])
        known = any(name == ".".join(parts) for name, _ in RECORDS)
        code = 2 if self.broken else 0 if known else 3
        head = data[:2] + struct.pack("!5H", 0x8580 | code, 1, len(found) if not code else 0, 0, 0)
        rows = b"".join(b"\xc0\x0c" + struct.pack("!2HIH", kind, 1, 60, len(row)) + row for row in found)
        self.transport.sendto(head + data[12 : at + 5] + (rows if not code else b""), peer)


async def with_dns(work: Callable[[DnsServer], Awaitable[Any]], monkeypatch: pytest.MonkeyPatch) -> Any:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(DnsServer, ("127.0.0.1", 0))
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
    monkeypatch.setattr(dns.asyncresolver, "default_resolver", resolver)
    monkeypatch.setattr(dns_discovery, "TIMEOUT_S", 2.0)
    try:
        return await work(server)
    finally:
        transport.close()


META = "__meta_dns_"
DNS = [
    ("_m._tcp.test", "SRV", ["host.test:9100"], {"srv_record_target": "host.test.", "srv_record_port": "9100"}),
    ("a.test", "A", ["10.0.0.1:80", "10.0.0.2:80"], {}),
    ("a.test", "AAAA", ["[::1]:80"], {}),
    ("a.test", "MX", ["mail.test:80"], {"mx_record_target": "mail.test."}),
    ("a.test", "NS", ["ns.test:80"], {"ns_record_target": "ns.test."}),
    ("nowhere.test", "A", [], {}),
]


@pytest.mark.parametrize(("name", "kind", "found", "meta"), DNS, ids=[f"{row[1]} of {row[0]}" for row in DNS])
def test_records_become_targets(
    name: str, kind: str, found: list[str], meta: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(told: Told) -> None:
        await wait_for(lambda: bool(told))

    async def run(server: DnsServer) -> Told:
        return await follow(DnsTargets((name,), kind, 80, 60), work)

    (group,) = asyncio.run(with_dns(run, monkeypatch))[0]
    assert [target["__address__"] for target in group.targets] == found
    for target in group.targets:
        own = {key: value for key, value in target.items() if key != "__address__"}
        assert own == {f"{META}name": name, **{META + key: value for key, value in meta.items()}}


def test_dns_that_fails_keeps_the_targets_it_told(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    async def run(server: DnsServer) -> Told:
        async def work(told: Told) -> None:
            await wait_for(lambda: bool(told))
            server.broken = True
            await wait_for(lambda: "targets were not looked up" in caplog.text)

        return await follow(DnsTargets(("a.test",), "A", 80, 0.001), work)

    told = asyncio.run(with_dns(run, monkeypatch))
    assert all(addresses(found) == ["10.0.0.1:80", "10.0.0.2:80"] for found in told)


def test_http_discovery_is_asked_with_credentials() -> None:
    root: Any = yaml.compose(json.dumps({"url": "http://a/", "authorization": {"type": "Token", "credentials": "x"}}))
    assert read_http(Fields(root, "", Path())).http.auth_type == "Token"
