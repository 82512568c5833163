"""Zipkin's JSON and Jaeger's Thrift: what is stored, what is refused, what senders are told."""

import asyncio
import gzip
import json
import struct
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.receivers.stubs import Bench, make_bench
from traceo.errors import InvalidRequest, StoreUnavailable
from traceo.receivers.jaeger import read_jaeger
from traceo.receivers.otlp_http import make_otlp_http_app
from traceo.receivers.span_bodies import with_spans
from traceo.receivers.span_records import Span, encode_spans
from traceo.receivers.zipkin import read_zipkin

ZIPKIN, JAEGER = "/api/v2/spans", "/api/traces?format=jaeger.thrift"
THRIFT = {"content-type": "application/x-thrift"}
TRACE, HALF, SPAN = "5af7183fb1d4cf5f6b221d5bc9e6496c", "6b221d5bc9e6496c", "352bff9a74ca9ad2"
I32, I64, STRING, STRUCT, LIST = 8, 10, 11, 12, 15


def show(spans: list[Span]) -> list[dict[str, Any]]:
    """The spans as OpenTelemetry's own classes read the request."""
    found = []
    for group in ExportTraceServiceRequest.FromString(encode_spans("test", spans)).resource_spans:
        for span in group.scope_spans[0].spans:
            found.append(
                {
                    "resource": _pairs(group.resource.attributes),
                    "ids": (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()),
                    "name": span.name,
                    "kind": span.kind,
                    "times": (span.start_time_unix_nano, span.end_time_unix_nano),
                    "attributes": _pairs(span.attributes),
                    "events": [(one.time_unix_nano, one.name, _pairs(one.attributes)) for one in span.events],
                    "links": [(one.trace_id.hex(), one.span_id.hex(), _pairs(one.attributes)) for one in span.links],
                    "status": (span.status.code, span.status.message),
                    "state": span.trace_state,
                }
            )
    return found


def _pairs(attributes: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}


def zipkin(**fields: Any) -> bytes:
    return json.dumps([{"traceId": TRACE, "id": SPAN, **fields}]).encode()


def thrift(*fields: tuple[int, int, Any]) -> bytes:
    """A struct of (number, type, value), by the rules of Thrift's binary protocol; strict about its own input."""
    return b"".join(struct.pack(">bh", kind, number) + _value(kind, value) for number, kind, value in fields) + b"\0"


def _value(kind: int, value: Any) -> bytes:
    if kind == LIST:
        return struct.pack(">bi", STRUCT, len(value)) + b"".join(value)
    if kind == STRING:
        return struct.pack(">i", len(value)) + value
    formats = {2: ">?", 4: ">d", I32: ">i", I64: ">q"}
    return bytes(value) if kind == STRUCT else struct.pack(formats[kind], value)


def tag(key: str, value: Any) -> bytes:
    vtype, number, kind = {str: (0, 3, STRING), float: (1, 4, 4), bool: (2, 5, 2), int: (3, 6, I64)}.get(
        type(value), (4, 7, STRING)
    )
    raw = value.encode() if type(value) is str else value
    return thrift((1, STRING, key.encode()), (2, I32, vtype), (number, kind, raw))


def jaeger(*more: tuple[int, int, Any], low: int = int(HALF, 16), span: int = int(SPAN, 16)) -> bytes:
    """A batch of one span."""
    fields = [(1, I64, low), (2, I64, int(TRACE[:16], 16)), (3, I64, span), (5, STRING, b"get"), *more]
    process = thrift((1, STRING, b"cart"), (2, LIST, [tag("hostname", "node-1"), tag("cpus", 4)]))
    return thrift((1, STRUCT, process), (2, LIST, [thrift(*fields)]))


def test_zipkin_span_keeps_all_that_it_says() -> None:
    body = zipkin(
        parentId="6b221d5bc9e6496c",
        name="get /",
        kind="CLIENT",
        timestamp=1_502_787_600_000_001,
        duration=150,
        localEndpoint={"serviceName": "cart", "ipv4": "10.0.0.1", "port": 80},
        remoteEndpoint={"serviceName": "stock", "ipv6": "::1"},
        annotations=[{"timestamp": 1_502_787_600_000_100, "value": "ws"}],
        tags={"http.path": "/", "ü": "é"},
        debug=True,
        shared=True,
    )
    (span,) = show(read_zipkin(body))
    assert span["ids"] == (TRACE, SPAN, HALF) and (span["name"], span["kind"]) == ("get /", 3)
    assert span["times"] == (1_502_787_600_000_001_000, 1_502_787_600_000_151_000)
    assert span["resource"] == {"service.name": "cart"}
    assert span["events"] == [(1_502_787_600_000_100_000, "ws", {})]
    assert span["attributes"] == {
        **{"http.path": "/", "ü": "é", "net.host.ip": "10.0.0.1", "net.host.port": 80},
        **{"peer.service": "stock", "net.peer.ip": "::1", "zipkin.shared": True, "zipkin.debug": True},
    }


def test_zipkin_ids_of_64_bits_get_zeros_before_them() -> None:
    (span,) = show(read_zipkin(zipkin(traceId=HALF, id="2")))
    assert span["ids"] == ("0" * 16 + HALF, "0" * 15 + "2", "")


ZIPKIN_STATUS: dict[str, tuple[dict[str, str], tuple[int, str], dict[str, str]]] = {
    "none": ({}, (0, ""), {}),
    "error without a reason": ({"error": ""}, (2, ""), {}),
    "error true": ({"error": "true"}, (2, ""), {}),
    "error false": ({"error": "false"}, (0, ""), {"error": "false"}),
    "error with a reason": ({"error": "timeout"}, (2, "timeout"), {"error": "timeout"}),
    "OpenTelemetry, ok": ({"otel.status_code": "OK"}, (1, ""), {}),
    "OpenTelemetry, error": ({"otel.status_code": "ERROR", "otel.status_description": "no"}, (2, "no"), {}),
}


@pytest.mark.parametrize(("tags", "status", "rest"), ZIPKIN_STATUS.values(), ids=ZIPKIN_STATUS.keys())
def test_zipkin_status(tags: dict[str, str], status: tuple[int, str], rest: dict[str, str]) -> None:
    (span,) = show(read_zipkin(zipkin(tags=tags)))
    assert (span["status"], span["attributes"]) == (status, rest)


def test_jaeger_span_keeps_all_that_it_says() -> None:
    other = thrift((1, I32, 1), (2, I64, 7), (3, I64, 0), (4, I64, 9))
    parent = thrift((1, I32, 0), (2, I64, int(HALF, 16)), (3, I64, int(TRACE[:16], 16)), (4, I64, -1))
    tags = [tag("span.kind", "server"), tag("error", True), tag("ratio", 0.5), tag("raw", b"\xff"), tag("n", -3)]
    log = thrift((1, I64, 1_502_787_600_000_100), (2, LIST, [tag("event", "retry"), tag("n", 2)]))
    body = jaeger(
        (6, LIST, [parent, other]),
        (7, I32, 3),
        (8, I64, 1_502_787_600_000_001),
        (9, I64, 150),
        (10, LIST, [*tags, tag("w3c.tracestate", "a=b")]),
        (11, LIST, [log]),
    )
    (span,) = show(read_jaeger(body))
    assert span["ids"] == (TRACE, SPAN, "f" * 16) and (span["name"], span["kind"]) == ("get", 2)
    assert span["times"] == (1_502_787_600_000_001_000, 1_502_787_600_000_151_000)
    assert span["resource"] == {"host.name": "node-1", "cpus": 4, "service.name": "cart"}
    assert span["attributes"] == {"ratio": 0.5, "raw": b"\xff", "n": -3, "jaeger.debug": True}
    assert span["events"] == [(1_502_787_600_000_100_000, "retry", {"n": 2})]
    assert span["links"] == [("0" * 31 + "7", "0" * 15 + "9", {"opentracing.ref_type": "follows_from"})]
    assert (span["status"], span["state"]) == ((2, ""), "a=b")


JAEGER_STATUS: dict[str, tuple[list[bytes], tuple[int, str]]] = {
    "none": ([], (0, "")),
    "error as a text": ([tag("error", "true")], (2, "")),
    "error false": ([tag("error", False), tag("http.status_code", 200)], (0, "")),
    "OpenTelemetry": ([tag("otel.status_code", "ERROR"), tag("otel.status_description", "no")], (2, "no")),
    "server's 404": ([tag("span.kind", "server"), tag("http.status_code", 404)], (0, "")),
    "client's 404": ([tag("span.kind", "client"), tag("http.status_code", 404)], (2, "")),
    "server's 503": ([tag("span.kind", "server"), tag("http.status_code", "503")], (2, "")),
}


@pytest.mark.parametrize(("tags", "status"), JAEGER_STATUS.values(), ids=JAEGER_STATUS.keys())
def test_jaeger_status(tags: list[bytes], status: tuple[int, str]) -> None:
    (span,) = show(read_jaeger(jaeger((10, LIST, tags))))
    assert span["status"] == status


BAD_ZIPKIN: dict[str, tuple[bytes, str]] = {
    "no json": (b"[{", "not valid JSON"),
    "an object": (b"{}", "not a JSON array"),
    "nested deeply": (b"[" * 100_000, "not valid JSON"),
    "a number for a span": (b"[7]", "span 0: an object is due"),
    "no trace id": (b'[{"id": "1"}]', "span 0: traceId is not 1 to 32"),
    "id of 17 digits": (zipkin(id="1" * 17), "id is not 1 to 16"),
    "id that is no number": (zipkin(id="xyz"), "id 'xyz' is not hexadecimal"),
    "id with a space": (zipkin(id="11 11"), "id '11 11' is not"),
    "id of zeros": (zipkin(id="0"), "id '0' is not a valid id"),
    "unknown kind": (zipkin(kind="FOO"), "kind 'FOO' is not known"),
    "negative duration": (zipkin(duration=-1), "duration is not a whole number"),
    "time in another age": (zipkin(timestamp=1 << 62), "out of range"),
    "tag that is no text": (zipkin(tags={"a": 1}), "tag 'a' is not a text"),
    "tags that are a list": (zipkin(tags=[]), "tags is not an object"),
    "annotation without an object": (zipkin(annotations=[1]), "annotations: an object"),
}


@pytest.mark.parametrize(("body", "message"), BAD_ZIPKIN.values(), ids=BAD_ZIPKIN.keys())
def test_bad_zipkin_is_told(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_zipkin(body)
    assert message in str(caught.value)


BAD_JAEGER: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "ends early"),
    "cut off": (jaeger()[:-9], "not Thrift's binary protocol"),
    "more than a batch": (jaeger() + b"x", "1 bytes are left over"),
    "no spans": (thrift(), "spans is missing"),
    "huge list": (b"\x0f\x00\x02\x0c\x7f\xff\xff\xff", "a length of 2147483647"),
    "negative length": (b"\x0b\x00\x01\xff\xff\xff\xff", "a length of -1"),
    "unknown type": (b"\x09\x00\x01\x00", "type 9 is not known"),
    "nested structs": (b"\x0c\x00\x01" * 1000, "nested more than 16 deep"),
    "nested lists": (b"\x0f\x00\x01" + b"\x0f\x00\x00\x00\x01" * 1000, "nested more than 16 deep"),
    "list of an unknown type": (b"\x0f\x00\x02\x09\x00\x00\x00\x01\x00\x00", "type 9 is not known"),
    "no trace id": (jaeger((2, I64, 0), low=0), "span 0: the trace id is missing or zero"),
    "no span id": (jaeger(span=0), "span 0: spanId is missing or zero"),
    "name of a wrong type": (jaeger((5, I64, 1)), "operationName is missing or of a wrong type"),
    "negative duration": (jaeger((9, I64, -1)), "out of range"),
    "tag of an unknown type": (jaeger((10, LIST, [thrift((1, STRING, b"a"), (2, I32, 9))])), "has the type 9"),
}


@pytest.mark.parametrize(("body", "message"), BAD_JAEGER.values(), ids=BAD_JAEGER.keys())
def test_bad_jaeger_is_told(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_jaeger(body)
    assert message in str(caught.value)


def test_every_cut_of_a_batch_is_refused() -> None:
    body = jaeger((10, LIST, [tag("a", 1), tag("b", "c"), tag("d", 0.5)]), (11, LIST, []))
    for end in range(len(body)):
        with pytest.raises(InvalidRequest):
            read_jaeger(body[:end])


def call(bench: Bench, path: str, body: bytes, method: str = "POST", **headers: str) -> httpx.Response:
    async def work() -> httpx.Response:
        app: Any = with_spans(make_otlp_http_app(bench.ingest), bench.ingest)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://traceo") as client:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, content=body, headers=given)

    return asyncio.run(work())


@pytest.mark.parametrize(("path", "body"), [(ZIPKIN, zipkin()), (JAEGER, jaeger())], ids=["zipkin", "jaeger"])
def test_spans_are_stored_before_the_answer(path: str, body: bytes) -> None:
    bench = make_bench()
    answer = call(bench, path, gzip.compress(body), content_encoding="gzip", x_scope_orgid="team-a")
    (request,) = bench.store.stored
    assert (answer.status_code, answer.content, request.tenant, bench.budget.used) == (202, b"", "team-a", 0)
    (group,) = ExportTraceServiceRequest.FromString(request.body).resource_spans
    assert group.scope_spans[0].spans[0].span_id.hex() == SPAN


def test_large_body_is_translated_in_a_thread() -> None:
    bench = make_bench()
    spans = [{"traceId": TRACE, "id": f"{number:x}", "tags": {"k": "v" * 40}} for number in range(1, 2001)]
    assert call(bench, ZIPKIN, json.dumps(spans).encode(), content_type="application/json").status_code == 202
    (group,) = ExportTraceServiceRequest.FromString(bench.store.stored[0].body).resource_spans
    assert len(group.scope_spans[0].spans) == 2000


def test_request_without_spans_is_taken() -> None:
    bench = make_bench()
    assert call(bench, ZIPKIN, b"[]").status_code == 202 and not bench.store.stored


REFUSED: dict[str, tuple[int, str, bytes, dict[str, str]]] = {
    "one bad span of two": (400, ZIPKIN, zipkin()[:-1] + b', {"id": 1}]', {}),
    "bad thrift": (400, JAEGER, b"\xff", THRIFT),
    "other media": (415, JAEGER, b"x", {"content_type": "application/json"}),
    "Zipkin's protobuf": (415, ZIPKIN, b"x", {"content_type": "application/x-protobuf"}),
    "bad token": (401, ZIPKIN, zipkin(), {"authorization": "Bearer wrong"}),
    "without the scope": (403, ZIPKIN, zipkin(), {"authorization": "Bearer reader"}),
    "bomb": (413, ZIPKIN, gzip.compress(bytes(8 << 20)), {"content_encoding": "gzip"}),
    "oversized": (413, JAEGER, b"x" * 20_001, {}),
}


@pytest.mark.parametrize(("code", "path", "body", "headers"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_requests_store_nothing(code: int, path: str, body: bytes, headers: dict[str, str]) -> None:
    bench = make_bench(max_decompressed=1 << 20, max_body=20_000)
    answer = call(bench, path, body, **headers)
    assert answer.status_code == code and answer.text.strip()
    assert not bench.store.stored and bench.budget.used == 0


def test_failing_store_is_retryable() -> None:
    bench = make_bench()
    bench.store.fail_with = StoreUnavailable("gone")
    answer = call(bench, ZIPKIN, zipkin())
    assert answer.status_code == 503 and "retry-after" in answer.headers


def test_other_methods_and_paths_are_none_of_theirs() -> None:
    assert call(make_bench(), ZIPKIN, b"", "GET").headers["allow"] == "POST"
    assert call(make_bench(), "/api/v2/nothing", b"").status_code == 404
