"""`/api/v1/stream` and `/api/v1/live` over a real socket: frames, refusals, clients that never read."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.api.test_api import data, policies, services  # noqa: F401  (fixtures)
from tests.query.engine import engine
from tests.query.telemetry import logs, span, traces
from traceo.api import sockets
from traceo.api.app import make_api
from traceo.api.tails import MAX_TAILS, PageTails
from traceo.cli import main
from traceo.errors import StoreUnavailable
from traceo.listeners import make_http_server
from traceo.store.base import Request, Signal


@contextlib.asynccontextmanager
async def serving(app: FastAPI | None = None) -> AsyncIterator[str]:
    server = make_http_server(app or make_api(services()), "127.0.0.1", 0)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0)
    yield f"ws://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/api/v1/stream"
    server.should_exit = True
    await running


async def read(client: Any) -> dict[str, Any]:
    async with asyncio.timeout(20):
        return dict(json.loads(await client.recv()))


async def send_logs(tenant: str, *bodies: str, **fields: Any) -> None:
    records = [{"time_unix_nano": time.time_ns(), "body": body, **fields} for body in bodies]
    await engine().insert(Signal.LOGS, [Request(tenant, logs("shop", records))])


def test_logs_and_spans_are_sent_as_they_arrive() -> None:
    async def work() -> None:
        tenant = {"X-Scope-OrgID": "stream"}
        async with serving() as url:
            async with connect(f"{url}?text=hello&min_severity=info", additional_headers=tenant) as client:
                assert await read(client) == {"type": "started"}
                await send_logs("stream", "hello", "good bye", severity_number=9, trace_id=b"\1" * 16)
                frame = await read(client)
                assert (frame["type"], frame["dropped"]) == ("logs", 0)
                (record,) = frame["logs"]
                assert (record["body"], record["service"], record["trace_id"]) == ("hello", "shop", "01" * 16)
            async with connect(f"{url}?signal=spans&operation=GET%20/", additional_headers=tenant) as client:
                assert await read(client) == {"type": "started"}
                body = traces("shop", [span(5, 6, time.time_ns())])
                await engine().insert(Signal.TRACES, [Request("stream", body)])
                (found,) = (await read(client))["spans"]
                assert (found["trace_id"], found["span_id"]) == ("5".rjust(32, "0"), "6".rjust(16, "0"))

    asyncio.run(work())


@pytest.mark.parametrize(
    ("query", "token", "status", "message"),
    [
        ("", "wrong", 401, "the token is unknown"),
        ("", "ingest", 403, "does not have the scope query"),
        ("?signal=metrics", "", 400, "neither logs nor spans"),
        ("?min_severity=loud", "", 400, "severity"),
        ("?query={", "", 400, "expected a label's name"),
        ("?attr=x", "", 400, "key=value"),
        ("?trace_id=xyz", "", 400, "not a trace id"),
        ("?signal=spans&status=bad", "", 400, "status"),
        ("?signal=spans&min_duration=5", "", 400, "not a duration"),
    ],
    ids=str,
)
def test_wrong_tails_are_refused_with_the_reason(query: str, token: str, status: int, message: str) -> None:
    async def work() -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with serving() as url:
            with pytest.raises(InvalidStatus) as refused:
                async with connect(url + query, additional_headers=headers):
                    pass
        assert refused.value.response.status_code == status
        assert message in json.loads(refused.value.response.body)["error"]["message"]

    asyncio.run(work())


def test_logql_selects_lines() -> None:
    async def work() -> None:
        query = quote('{service_name="shop"} |= "pay" != "ok"')
        async with serving() as url, connect(f"{url}?query={query}&min_severity=warn") as client:
            assert await read(client) == {"type": "started"}
            await send_logs("api", "pay ok", "pay failed", "cart failed", severity_number=17)
            await send_logs("api", "pay failed, but who cares", severity_number=9)
            await send_logs("api", "pay again", severity_number=17)
            found: list[str] = []
            while len(found) < 2:  # in one message or in two
                found += [record["body"] for record in (await read(client))["logs"]]
            assert found == ["pay failed", "pay again"]

    asyncio.run(work())


def test_browser_sends_its_token_as_a_subprotocol() -> None:
    async def work() -> None:
        async with serving() as url:
            async with connect(url, subprotocols=["traceo", "traceo.token.abc"]) as client:  # type: ignore[list-item]
                assert client.subprotocol == "traceo"
                assert await read(client) == {"type": "started"}
            offered: Any = ["traceo", "traceo.token.abc", "traceo.tenant.browser%20one"]
            async with connect(f"{url}?text=hello", subprotocols=offered) as client:
                assert await read(client) == {"type": "started"}
                await send_logs("api", "hello, other tenant")
                await send_logs("browser one", "hello")
                assert [record["body"] for record in (await read(client))["logs"]] == ["hello"]
            with pytest.raises(InvalidStatus):
                async with connect(url, subprotocols=["traceo", "traceo.token.wrong"]):  # type: ignore[list-item]
                    pass

    asyncio.run(work())


async def send_spans(tenant: str, *names: str) -> None:
    spans = [span(7, number, time.time_ns(), name=name) for number, name in enumerate(names, 1)]
    await engine().insert(Signal.TRACES, [Request(tenant, traces("shop", spans))])


@pytest.mark.parametrize(
    ("path", "signal", "send"),
    [("/stream", "logs", send_logs), ("/stream", "spans", send_spans), ("/live", "logs", send_logs)],
    ids=["logs", "spans", "page"],
)
def test_client_that_never_reads_is_cut(monkeypatch: pytest.MonkeyPatch, path: str, signal: str, send: Any) -> None:
    monkeypatch.setattr(sockets, "SEND_TIMEOUT_S", 0.2)

    async def work() -> None:
        app = make_api(services())
        live = app.state.live
        async with serving(app) as url:
            tenant = f"silent-{signal}{path[1:]}"
            headers = {"X-Scope-OrgID": tenant}
            address = f"{url.replace('/stream', path)}?signal={signal}"
            async with connect(address, additional_headers=headers, max_queue=1, compression=None) as client:
                assert await read(client) == {"type": "started"}
                if path == "/live":
                    await say(client, type="tail", id="a", signal=signal)
                    await hear(client, "tailing")
                client.transport.pause_reading()
                async with asyncio.timeout(30):
                    while live._clients:
                        await send(tenant, *("x" * 30_000 for _ in range(200)))
                client.transport.resume_reading()
                with pytest.raises(ConnectionClosed):
                    while True:
                        await read(client)

    asyncio.run(work())


def test_open_page_is_told_what_arrived_for_its_tenant() -> None:
    async def work() -> None:
        async with serving() as stream:
            url = stream.replace("/stream", "/live")
            mine, other = ({"X-Scope-OrgID": name} for name in ("live-1", "live-2"))
            async with connect(url, additional_headers=mine) as client, connect(url, additional_headers=other) as away:
                assert (await read(client), await read(away)) == ({"type": "started"}, {"type": "started"})
                await send_logs("live-1", "one", "two")
                frame = await read(client)
                assert (frame["type"], frame["items"], frame["services"]) == ("changed", {"logs": 2}, [])
                assert 0 <= frame["within_ms"] < 20_000
                await send_logs("live-2", "three")
                assert (await read(away))["items"] == {"logs": 1}
            with pytest.raises(InvalidStatus) as refused:
                async with connect(url, additional_headers={"Authorization": "Bearer ingest"}):
                    pass
            assert refused.value.response.status_code == 403

    asyncio.run(work())


async def say(client: Any, **message: Any) -> None:
    await client.send(json.dumps(message))


async def hear(client: Any, kind: str) -> dict[str, Any]:
    """The next frame of this type."""
    while (frame := await read(client))["type"] != kind:
        pass
    return frame


def test_page_has_several_tails_on_its_one_socket_and_they_go_on() -> None:
    async def work() -> None:
        app = make_api(services())
        async with serving(app) as stream:
            url, mine = stream.replace("/stream", "/live"), {"X-Scope-OrgID": "page"}
            lines = {"type": "tail", "query": '{service_name="shop"} |= "pay"'}
            async with connect(url, additional_headers=mine) as client:
                await say(client, id="a", **lines)
                since = (await hear(client, "tailing"))["since"]
                await say(client, id="b", type="tail", signal="spans", operation="GET /")
                await hear(client, "tailing")
                await send_logs("page", "pay 1", "cart 1")
                frame = await hear(client, "logs")
                assert (frame["id"], [record["body"] for record in frame["logs"]]) == ("a", ["pay 1"])
                body = traces("shop", [span(5, 6, time.time_ns())])
                await engine().insert(Signal.TRACES, [Request("page", body)])
                spans = await hear(client, "spans")
                assert (spans["id"], len(spans["spans"]), len(spans["ids"])) == ("b", 1, 1)
                await say(client, id="b", type="stop")
                await say(client, id="b", type="tail", query="{a=")
                refused = await hear(client, "refused")
                assert (refused["id"], refused["status"], refused["error"]["position"]) == ("b", 400, 3)
                assert app.state.live._clients == {"page": 1}
            await send_logs("page", "pay 2")
            async with connect(url, additional_headers=mine) as client:
                await say(client, id="c", since=since, seen=frame["ids"], **lines)
                assert (await hear(client, "tailing"))["since"] == since
                assert [record["body"] for record in (await hear(client, "logs"))["logs"]] == ["pay 2"]
            async with asyncio.timeout(20):
                while app.state.live._clients:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    asyncio.run(work())


@pytest.mark.parametrize(
    ("said", "status", "message"),
    [
        ("{", 400, "not a message"),
        ("[]", 400, "not a message"),
        ('{"type": "dance"}', 400, "neither tail nor stop"),
        ('{"type": "tail"}', 400, "id: Field required"),
        ('{"type": "tail", "id": "a", "colour": "red"}', 400, "colour: Extra inputs"),
        ('{"type": "tail", "id": "a", "seen": ["x"]}', 400, "seen.0: String should match"),
        ('{"type": "tail", "id": "a", "signal": "metrics"}', 400, "neither logs nor spans"),
        ('{"type": "tail", "id": "0"}', 400, "has a tail '0' already"),
        ('{"type": "tail", "id": "a"}', 422, "4 tails at most"),
    ],
    ids=str,
)
def test_what_a_page_may_not_say_is_answered(said: str, status: int, message: str) -> None:
    answers: list[dict[str, Any]] = []

    async def put(frame: dict[str, Any]) -> None:
        answers.append(frame)

    async def work() -> None:
        page = PageTails(make_api(services()).state.live, "said", put)
        for number in range(MAX_TAILS if status == 422 else 1):
            await page.hear(f'{{"type": "tail", "id": "{number}"}}')
        await page.hear(said)
        await page.close()

    asyncio.run(work())
    (refused,) = [frame for frame in answers if frame["type"] == "refused"]
    assert refused["status"] == status and message in refused["error"]["message"]


def test_command_line_follows(capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> None:
        app = make_api(services())
        async with serving(app) as url:
            base = url.removesuffix("/api/v1/stream").replace("ws", "http", 1)
            words = ["tail", "hello", "--service", "shop", "--url", base, "--tenant", "tailed"]
            for more in ([], ["--json"]):
                running = asyncio.create_task(asyncio.to_thread(main, [*words, *more]))
                await until_followed(app)
                await send_logs("tailed", "hello world", "good bye", severity_number=17, severity_text="ERROR")
                async with asyncio.timeout(20):
                    while "hello world" not in (shown := capsys.readouterr().out):  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                assert "good bye" not in shown
                assert json.loads(shown)["service"] == "shop" if more else "ERROR shop: hello world" in shown
                for pulse in list(app.state.live._pulses.values()):
                    for shared in pulse.feeds.values():
                        shared.fail(StoreUnavailable("the end"))
                assert await running == 1
            assert "the end" in capsys.readouterr().err
            assert await asyncio.to_thread(main, ["tail", "--url", base, "--attr", "x"]) == 2
            assert "key=value" in capsys.readouterr().err

    asyncio.run(work())


async def until_followed(app: FastAPI) -> None:
    async with asyncio.timeout(20):
        while not any(  # noqa: ASYNC110
            shared.feed.since for pulse in app.state.live._pulses.values() for shared in pulse.feeds.values()
        ):
            await asyncio.sleep(0.01)
