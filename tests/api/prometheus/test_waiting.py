"""A client that goes away takes its query with it."""

import asyncio
import json
from typing import Any

from tests.api.prometheus.client import PREFIX, make_services
from traceo.api.app import make_api
from traceo.state.database import open_state


class CancellableStore:
    """Works until it is told to stop."""

    def __init__(self) -> None:
        self.begun, self.stopped = asyncio.Event(), asyncio.Event()

    async def query(self, *_: Any) -> Any:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped.set()


async def ask(app: Any, query: bytes, gone: asyncio.Event | None) -> tuple[int, Any]:
    """A GET of which the client closes the connection once `gone` is set: status and body."""
    messages: list[dict[str, Any]] = []
    sent = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        message = next(sent, None)
        if message is None:
            await (gone or asyncio.Event()).wait()
            return {"type": "http.disconnect"}
        return message

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {"type": "http", "method": "GET", "path": f"{PREFIX}/query", "query_string": query, "headers": []}
    scope |= {"raw_path": scope["path"].encode(), "root_path": "", "scheme": "http", "http_version": "1.1"}
    await app({**scope, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2)}, receive, send)
    body = b"".join(message.get("body", b"") for message in messages)
    return messages[0]["status"], json.loads(body)


def test_engine_stops_when_the_client_goes() -> None:
    async def work() -> None:
        store = CancellableStore()
        app = make_api(make_services(open_state("sqlite://"), store))
        asking = asyncio.create_task(ask(app, b"query=up", store.begun))
        async with asyncio.timeout(30):
            status, answer = await asking
            await store.stopped.wait()
        assert (status, answer["errorType"]) == (499, "canceled")

    asyncio.run(work())


def test_query_that_takes_too_long_is_stopped() -> None:
    async def work() -> None:
        store = CancellableStore()
        app = make_api(make_services(open_state("sqlite://"), store))
        async with asyncio.timeout(30):
            status, answer = await ask(app, b"query=up&timeout=10ms", None)
            await store.stopped.wait()
        assert (status, answer["errorType"]) == (503, "timeout")
        assert answer["error"] == "query timed out in expression evaluation"

    asyncio.run(work())
