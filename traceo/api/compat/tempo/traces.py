"""One trace by its id, as protobuf or JSON, and the probes of the data source."""

from fastapi import APIRouter, Request, Response

from traceo import __version__
from traceo.api.compat.tempo.answer import TempoRoute, answer_json
from traceo.api.depends import QueriesOf, Tenant
from traceo.query.otlp_json import read_otlp_json
from traceo.query.otlp_trace import read_otlp_trace
from traceo.store.messages import encode_varint

PROTOBUF = "application/protobuf"
router = APIRouter(route_class=TempoRoute)
probes = APIRouter(route_class=TempoRoute)


@router.get("/traces/{trace_id}")
async def get_trace(request: Request, trace_id: str, queries: QueriesOf, tenant: Tenant) -> Response:
    """`tempopb.Trace`."""
    if PROTOBUF in request.headers.get("accept", ""):
        return Response(await read_otlp_trace(queries, tenant, trace_id), media_type=PROTOBUF)
    return answer_json({"batches": await read_otlp_json(queries, tenant, trace_id)})


@router.get("/v2/traces/{trace_id}")
async def get_trace_v2(request: Request, trace_id: str, queries: QueriesOf, tenant: Tenant) -> Response:
    """`tempopb.TraceByIDResponse`."""
    if PROTOBUF in request.headers.get("accept", ""):
        body = await read_otlp_trace(queries, tenant, trace_id)
        return Response(b"\x0a" + encode_varint(len(body)) + body, media_type=PROTOBUF)
    return answer_json({"trace": {"resourceSpans": await read_otlp_json(queries, tenant, trace_id)}, "metrics": {}})


@router.get("/echo")
async def get_echo() -> Response:
    """Grafana's test of the connection."""
    return Response("echo", media_type="text/plain")


@router.get("/status/buildinfo")
async def get_build() -> Response:
    """What the data source chooses its features by: the version of Tempo whose API this is."""
    return answer_json({"version": "2.8.0", "revision": f"traceo-{__version__}", "branch": "", "goVersion": ""})


@probes.get("/ready")
async def get_ready() -> Response:
    """Alive."""
    return Response("ready\n", media_type="text/plain")
