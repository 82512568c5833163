"""One trace by its id, as protobuf or JSON, and the probes of the data source."""

from fastapi import APIRouter, Request, Response
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from traceo import __version__
from traceo.api.compat.tempo.answer import TempoRoute, answer_json
from traceo.api.depends import QueriesOf, Tenant
from traceo.query.otlp_trace import read_otlp_trace
from traceo.store.messages import encode_varint

PROTOBUF = "application/protobuf"
router = APIRouter(route_class=TempoRoute)
probes = APIRouter(route_class=TempoRoute)


@router.get("/traces/{trace_id}")
async def get_trace(request: Request, trace_id: str, queries: QueriesOf, tenant: Tenant) -> Response:
    """`tempopb.Trace`."""
    body = await read_otlp_trace(queries, tenant, trace_id)
    if PROTOBUF in request.headers.get("accept", ""):
        return Response(body, media_type=PROTOBUF)
    return answer_json({"batches": _resource_spans(body)})


@router.get("/v2/traces/{trace_id}")
async def get_trace_v2(request: Request, trace_id: str, queries: QueriesOf, tenant: Tenant) -> Response:
    """`tempopb.TraceByIDResponse`."""
    body = await read_otlp_trace(queries, tenant, trace_id)
    if PROTOBUF in request.headers.get("accept", ""):
        return Response(b"\x0a" + encode_varint(len(body)) + body, media_type=PROTOBUF)
    return answer_json({"trace": {"resourceSpans": _resource_spans(body)}, "metrics": {}})


def _resource_spans(body: bytes) -> object:
    return MessageToDict(TracesData.FromString(body)).get("resourceSpans", [])


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
