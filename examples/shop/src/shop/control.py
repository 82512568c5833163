"""The supervisor's own HTTP side, on loopback: which faults are on, and the switch that the services forward to."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shop.faults import Fault, FaultRefused
from shop.topology import SERVICES


class FaultSwitch(Protocol):
    """What the control needs of the supervisor."""

    def active_faults(self, service: str | None = None) -> list[Fault]: ...

    async def start_fault(self, service: str, request: dict[str, Any]) -> Fault: ...

    async def end_fault(self, fault_id: str) -> Fault | None: ...


class _EmbeddedServer(uvicorn.Server):
    """A server inside the supervisor's loop: the signals stay the supervisor's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_control(switch: FaultSwitch, port: int) -> None:
    """Start serving on 127.0.0.1; returns when connections are taken. It ends with the process."""
    config = uvicorn.Config(control_app(switch), host="127.0.0.1", port=port, log_level="warning", lifespan="off")
    server = _EmbeddedServer(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        if serving.done():
            raise RuntimeError(f"port {port} cannot be used for the control")
        await asyncio.sleep(0.02)


def control_app(switch: FaultSwitch) -> Starlette:
    """Return the control's application."""

    async def list_faults(request: Request) -> Response:
        faults = switch.active_faults(request.path_params.get("service"))
        return JSONResponse([asdict(fault) for fault in faults])

    async def start(request: Request) -> Response:
        service = request.path_params["service"]
        try:
            wanted = json.loads(await request.body())
            if service not in SERVICES or not isinstance(wanted, dict):
                raise FaultRefused(f"send a JSON object to one of: {', '.join(SERVICES)}")
            return JSONResponse(asdict(await switch.start_fault(service, wanted)), status_code=201)
        except ValueError as error:  # FaultRefused, or a body that is not JSON
            return JSONResponse({"error": str(error)}, status_code=400)

    async def end(request: Request) -> Response:
        if fault_id := request.path_params.get("fault_id"):
            ended = await switch.end_fault(fault_id)
            return JSONResponse(asdict(ended)) if ended else JSONResponse({"error": "no such fault"}, status_code=404)
        service = request.path_params.get("service")
        ended_all = [await switch.end_fault(fault.id) for fault in switch.active_faults(service)]
        return JSONResponse([asdict(fault) for fault in ended_all if fault])

    return Starlette(
        routes=[
            Route("/faults", list_faults),
            Route("/faults", end, methods=["DELETE"]),
            Route("/faults/{fault_id}", end, methods=["DELETE"]),
            Route("/services/{service}/faults", list_faults),
            Route("/services/{service}/faults", start, methods=["POST"]),
            Route("/services/{service}/faults", end, methods=["DELETE"]),
            Route("/services/{service}/faults/{fault_id}", end, methods=["DELETE"]),
        ]
    )
