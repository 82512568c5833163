"""The real servers, on free ports, around a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from tests.receivers.stubs import Bench
from traceo.receivers.otlp_grpc import bind_otlp_grpc
from traceo.receivers.otlp_http import make_otlp_http_app


@asynccontextmanager
async def serve_http(bench: Bench) -> AsyncIterator[str]:
    app = make_otlp_http_app(bench.ingest)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="warning", proxy_headers=False, access_log=False, ws="none")  # type: ignore[arg-type]
    )
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def serve_grpc(bench: Bench) -> AsyncIterator[str]:
    server, port = bind_otlp_grpc(bench.ingest, "127.0.0.1", 0)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)
