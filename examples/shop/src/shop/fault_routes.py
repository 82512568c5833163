"""`/_faults` on every service: the switch. The supervisor decides and records; the service applies."""

from __future__ import annotations

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shop.effects import Effects
from shop.faults import Fault


def fault_routes(service: str, effects: Effects, control_url: str) -> list[Route]:
    """Return the routes by which faults of this service are started, listed, stopped and applied."""
    own_faults = f"{control_url}/services/{service}/faults"

    async def forward(request: Request) -> Response:
        fault_id = request.path_params.get("fault_id")
        url = f"{own_faults}/{fault_id}" if fault_id else own_faults
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            answer = await client.request(request.method, url, content=await request.body())
        return Response(answer.content, answer.status_code, media_type="application/json")

    async def apply(request: Request) -> Response:
        effects.replace_active([Fault(**fault) for fault in await request.json()])
        return JSONResponse({"status": "applied"})

    return [
        Route("/_faults/active", apply, methods=["PUT"]),
        Route("/_faults", forward, methods=["GET", "POST", "DELETE"]),
        Route("/_faults/{fault_id}", forward, methods=["DELETE"]),
    ]
