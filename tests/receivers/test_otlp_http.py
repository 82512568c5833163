import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.receivers.messages import traces
from tests.receivers.servers import serve_http
from tests.receivers.stubs import BAD, PARTIAL, Bench, make_bench
from traceo.errors import DiskFull, StoreUnavailable
from traceo.receivers.codec import zstd
from traceo.store.base import Signal

PROTOBUF, JSON = "application/x-protobuf", "application/json"
SPAN = {"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174", "name": "n", "kind": 2}


def as_json(span: dict[str, Any]) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def post(body: bytes = b"x", path: str = "/v1/traces", bench: Bench | None = None, **headers: str) -> httpx.Response:
    """One request to a real server; `content_type=` and the like become headers."""

    async def run() -> httpx.Response:
        async with serve_http(bench or make_bench()) as url, httpx.AsyncClient(base_url=url) as client:
            given = {"content-type": PROTOBUF} | {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.post(path, content=body, headers=given)

    return asyncio.run(run())


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs", "/v1/metrics"])
@pytest.mark.parametrize(("media", "empty"), [(PROTOBUF, b""), (JSON, b"{}")], ids=["protobuf", "json"])
def test_success_is_an_empty_response_in_the_same_encoding(path: str, media: str, empty: bytes) -> None:
    answer = post(b"{}", path, content_type=media)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, empty, media)


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstd.compress)]
)
@pytest.mark.parametrize("spans", [1, 20_000], ids=["inline", "in a thread"])
def test_store_receives_the_decompressed_bytes(encoding: str, compress: Callable[[bytes], bytes], spans: int) -> None:
    bench, body = make_bench(), traces(spans)
    assert post(compress(body), bench=bench, content_encoding=encoding).status_code == 200
    assert [request.body for request in bench.store.stored] == [body] and bench.budget.used == 0


@pytest.mark.parametrize(
    "body",
    [traces(attributes=10_000), traces(value="v" * (1 << 20)), traces().replace(b"checkout", b"check\xff\xfet")],
    ids=["10 000 attributes", "1 MB value", "invalid UTF-8"],
)
def test_unusual_bodies_reach_the_store_as_they_are(body: bytes) -> None:
    bench = make_bench()
    assert post(body, bench=bench).status_code == 200
    assert bench.store.stored[0].body == body


REFUSED: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "malformed protobuf": (400, BAD, {}),
    "malformed json": (400, b'{"resourceSpans": [', {"content_type": JSON}),
    "json that is no object": (400, b"[]", {"content_type": JSON}),
    "json of the wrong shape": (400, b'{"resourceSpans": 7}', {"content_type": JSON}),
    "json nested too deeply": (400, b"[" * 100_000, {"content_type": JSON}),
    "json with bad utf-8": (400, b'{"a": "\xff"}', {"content_type": JSON}),
    "json with a bad id": (400, as_json({"traceId": "xyz"}), {"content_type": JSON}),
    "truncated gzip": (400, gzip.compress(b"x" * 999)[:-4], {"content_encoding": "gzip"}),
    "bomb": (413, gzip.compress(bytes(8 << 20)), {"content_encoding": "gzip"}),
    "oversized": (413, b"x" * 20_001, {}),
    "unknown content type": (415, b"x", {"content_type": "text/plain"}),
    "unknown encoding": (415, b"x", {"content_encoding": "br"}),
    "bad token": (401, b"x", {"authorization": "Bearer wrong"}),
    "without the scope": (403, b"x", {"authorization": "Bearer reader"}),
    "bad tenant": (400, b"x", {"x_scope_orgid": "not/valid"}),
    "unknown path": (404, b"x", {"path": "/v1/profiles"}),
}


@pytest.mark.parametrize(("code", "body", "how"), REFUSED.values(), ids=REFUSED.keys())
def test_refusals_carry_a_status_in_the_same_encoding(code: int, body: bytes, how: dict[str, Any]) -> None:
    limits = {"max_body": "20000"} if len(body) <= 20_001 else {}
    bench = make_bench(max_decompressed=1 << 20, **{name: int(value) for name, value in limits.items()})
    answer = post(body, bench=bench, **how)
    assert answer.status_code == code and "retry-after" not in answer.headers
    if how.get("content_type", PROTOBUF) == PROTOBUF:
        assert Status.FromString(answer.content).message
    else:
        assert json.loads(answer.content)["message"]
    assert bench.store.stored == [] and bench.budget.used == 0


def test_body_without_a_length_is_counted_as_it_arrives() -> None:
    async def chunks():
        for _ in range(100):
            yield b"x" * 1000

    assert post(chunks(), bench=make_bench(max_body=50_000)).status_code == 413  # type: ignore[arg-type]


def test_get_is_not_allowed() -> None:
    async def run() -> None:
        async with serve_http(make_bench()) as url, httpx.AsyncClient(base_url=url) as client:
            answer = await client.get("/v1/traces")
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("error", "code"), [(StoreUnavailable("gone"), 503), (DiskFull("full"), 503), (ZeroDivisionError(), 500)], ids=str
)
def test_failing_store_is_retryable_unless_nobody_knows_why(error: Exception, code: int) -> None:
    bench = make_bench()
    bench.store.fail_with = error
    answer = post(bench=bench)
    assert answer.status_code == code and ("retry-after" in answer.headers) == (code == 503)


def test_full_buffer_answers_429_with_a_hint() -> None:
    bench = make_bench()
    bench.budget.used = bench.budget.max_bytes - 10
    answer = post(b"x" * 11, bench=bench)
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1


def test_slow_body_ends_at_the_deadline() -> None:
    async def run() -> None:
        bench = make_bench(request_timeout=0.05)
        async with serve_http(bench) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            head = f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 100\r\n\r\n"
            writer.write(head.encode() + b"only this")
            assert (await reader.readline()).split()[1] == b"429"
            assert bench.budget.used == 0
            writer.close()

    asyncio.run(run())


def test_partial_success_names_the_rejected_items() -> None:
    partial = ExportTraceServiceResponse.FromString(post(PARTIAL).content).partial_success
    assert (partial.rejected_spans, partial.error_message) == (2, "two are bad")
    answer = post(as_json({"name": "partial"}), content_type=JSON).json()
    assert answer == {"partialSuccess": {"rejectedSpans": "2", "errorMessage": "two are bad"}}


def test_one_corrupt_request_among_good_ones_fails_alone() -> None:
    async def run() -> None:
        bench = make_bench()
        async with serve_http(bench) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
            bodies = [BAD if index == 5 else b"%d" % index for index in range(12)]
            posts = (client.post("/v1/logs", content=body, headers={"content-type": PROTOBUF}) for body in bodies)
            codes = [answer.status_code for answer in await asyncio.gather(*posts)]
        assert codes == [200] * 5 + [400] + [200] * 6 and len(bench.store.stored) == 11

    asyncio.run(run())


def test_json_becomes_the_protobuf_of_the_same_request() -> None:
    bench = make_bench()
    span = SPAN | {
        "parentSpanId": "",
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": 1544712661000000000,
        "attributes": [{"key": "raw", "value": {"bytesValue": "AAE="}}, {"key": "n", "value": {"intValue": "5"}}],
        "unknownField": {"traceIdx": 1},
        "status": {"code": "STATUS_CODE_ERROR"},
    }
    assert post(as_json(span), bench=bench, content_type=JSON + "; charset=utf-8", x_scope_orgid="acme").is_success
    stored = bench.store.stored[0]
    got = ExportTraceServiceRequest.FromString(stored.body).resource_spans[0].scope_spans[0].spans[0]
    assert (stored.tenant, got.trace_id.hex(), got.span_id.hex()) == ("acme", SPAN["traceId"].lower(), SPAN["spanId"])
    assert (got.kind, got.status.code, got.start_time_unix_nano) == (2, 2, 1544712660000000000)
    assert (got.attributes[0].value.bytes_value, got.attributes[1].value.int_value) == (b"\x00\x01", 5)


def test_opentelemetry_sdk_exports_with_gzip() -> None:
    async def run() -> None:
        bench = make_bench()
        async with serve_http(bench) as url:
            exporter = OTLPSpanExporter(f"{url}/v1/traces", compression=Compression.Gzip)
            provider = TracerProvider(shutdown_on_exit=False)
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            await asyncio.to_thread(lambda: provider.get_tracer("t").start_span("checkout").end())
            provider.shutdown()
        request = ExportTraceServiceRequest.FromString(bench.store.stored[0].body)
        assert request.resource_spans[0].scope_spans[0].spans[0].name == "checkout"
        counted = bench.ingest.metrics.requests.labels(Signal.TRACES, "http", "200")
        assert counted._value.get() == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("value", "sampled", "keep"),
    [("1", True, True), ("True", True, True), ("yes, please", True, False), ("1", False, False)],
)
def test_header_asks_to_keep_what_is_sampled(value: str, sampled: bool, keep: bool) -> None:
    bench = make_bench(is_sampled=sampled)
    assert post(bench=bench, x_traceo_keep=value).status_code == 200
    assert [(request.recent, request.keep) for request in bench.store.stored] == [(sampled, keep)]
