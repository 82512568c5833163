"""Bad, broken and extreme requests: each gets its own clear answer, harms nobody else, and the server goes on."""

import base64
import gzip
import json
import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.expected import key_values
from tests.e2e.load import make_request, new_ids
from tests.e2e.server import RunningServer
from traceo.store.messages import encode_varint

NOW_NS = time.time_ns()
ALL_TIME = {"start": "0", "end": "2262-01-01T00:00:00Z"}
JSON = "application/json"


@pytest.fixture(autouse=True)
def server_goes_on(request: pytest.FixtureRequest, server: RunningServer, tenant: str) -> Iterator[None]:
    """After the last case of a test, whatever its cases sent, a good request is stored and read."""
    yield
    cases = [item for item in request.session.items if item.path == request.path and item.function == request.function]  # type: ignore[attr-defined]
    if request.node is not cases[-1]:
        return
    trace_id = os.urandom(16)
    server.send("traces", trace_request({"trace_id": trace_id}), f"{tenant}-after")
    assert len(server.get(f"traces/{trace_id.hex()}", f"{tenant}-after")["spans"]) == 1


def trace_request(*spans: dict[str, Any], service: str = "cart") -> ExportTraceServiceRequest:
    """Spans that are valid but for the fields given."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(key_values({"service.name": service}))
    group.scope_spans.add()
    for fields in spans:
        defaults = {"trace_id": os.urandom(16), "span_id": os.urandom(8), "start_time_unix_nano": NOW_NS}
        group.scope_spans[0].spans.add(**{**defaults, "end_time_unix_nano": NOW_NS + 1, **fields})
    return request


GOOD = trace_request({}).SerializeToString()
MALFORMED = {
    "no protobuf": b"\xff\xff\xff\xff not protobuf",
    "ends too early": GOOD[:-3],
    "bytes follow": GOOD + b"\x0a\xff",
    "wrong wire type": b"\x08\x01" + GOOD,
    "a length beyond the end": b"\x0a\x7f\x0a",
    "JSON by another name": b'{"resourceSpans": []}',
    "group tags": b"\x0b\x0b\x0b",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
def test_malformed_protobuf_is_400(server: RunningServer, tenant: str, signal: str, body: bytes) -> None:
    answer = server.post(signal, body, tenant)
    assert answer.status_code == 400
    assert Status.FromString(answer.content).message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"resourceSpans": 1}',
        b"\xff",
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}',
    ],
)
def test_malformed_json_is_400(server: RunningServer, tenant: str, body: bytes) -> None:
    answer = server.post("traces", body, tenant, content_type=JSON)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_deeply_nested_json_is_400(server: RunningServer, tenant: str) -> None:
    answer = server.post("traces", b'{"a":' * 100_000, tenant, content_type=JSON)
    assert answer.status_code == 400


def protobuf_field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return bytes([number << 3 | 2]) + encode_varint(len(content)) + content


def test_value_nested_deeper_than_parsers_go_is_shown_as_bytes(server: RunningServer, tenant: str) -> None:
    trace_id, value = os.urandom(16), b"\x18\x01"
    for _ in range(120):
        value = protobuf_field(5, protobuf_field(1, value))
    span = trace_request({"trace_id": trace_id}).resource_spans[0].scope_spans[0].spans[0].SerializeToString()
    span += protobuf_field(9, protobuf_field(1, b"k") + protobuf_field(2, value))
    server.send("traces", protobuf_field(1, protobuf_field(2, protobuf_field(2, span))), tenant)
    (shown,) = server.get(f"traces/{trace_id.hex()}", tenant)["spans"]
    assert base64.b64decode(shown["attributes"]["k"]["$bytes"]) == value


def test_truncated_gzip_is_400(server: RunningServer, tenant: str) -> None:
    answer = server.post("traces", gzip.compress(GOOD)[:-9], tenant, content_encoding="gzip")
    assert answer.status_code == 400


def test_decompression_bomb_is_413(server: RunningServer, tenant: str) -> None:
    bomb = gzip.compress(bytes(200 << 20), 1)
    answer = server.post("traces", bomb, tenant, content_encoding="gzip")
    assert answer.status_code == 413


def test_oversized_body_is_413_before_it_is_read(server: RunningServer, tenant: str) -> None:
    answer = server.post("traces", bytes(17 << 20), tenant)
    assert answer.status_code == 413


@pytest.mark.parametrize("media", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_other_content_type_is_415(server: RunningServer, tenant: str, media: str) -> None:
    assert server.post("traces", GOOD, tenant, content_type=media).status_code == 415


def test_unknown_encoding_is_415(server: RunningServer, tenant: str) -> None:
    assert server.post("traces", GOOD, tenant, content_encoding="br").status_code == 415


def test_10_000_attributes_come_back(server: RunningServer, tenant: str) -> None:
    trace_id, values = os.urandom(16), {f"key-{number}": number for number in range(10_000)}
    server.send("traces", trace_request({"trace_id": trace_id, "attributes": key_values(values)}), tenant)
    assert server.get(f"traces/{trace_id.hex()}", tenant)["spans"][0]["attributes"] == values


def test_value_of_1_mb_comes_back(server: RunningServer, tenant: str) -> None:
    trace_id, value = os.urandom(16), "é" * 500_000
    server.send("traces", trace_request({"trace_id": trace_id, "attributes": key_values({"v": value})}), tenant)
    assert server.get(f"traces/{trace_id.hex()}", tenant)["spans"][0]["attributes"] == {"v": value}


@pytest.mark.parametrize("size", [127, 128, 16_383, 16_384, 100_000, 2_100_000])
def test_service_name_of_any_length_comes_back(server: RunningServer, tenant: str, size: int) -> None:
    trace_id, name = os.urandom(16), "s" * size
    server.send("traces", trace_request({"trace_id": trace_id}, service=name), tenant)
    assert server.get(f"traces/{trace_id.hex()}", tenant)["spans"][0]["service"] == name


def test_text_that_is_not_utf_8_never_fails_a_reader(server: RunningServer, tenant: str) -> None:
    trace_id = os.urandom(16)
    good = trace_request(
        {"trace_id": trace_id, "name": "NAME!", "attributes": key_values({"KEY!!": "VALUE"})}, service="SERVICE"
    )
    body = good.SerializeToString()
    for text in (b"NAME!", b"KEY!!", b"VALUE", b"SERVICE"):
        body = body.replace(text, b"\xff\xfe\xc3" + text[3:])
    answer = server.post("traces", body, tenant)
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        server.settle()
        span = server.get(f"traces/{trace_id.hex()}", tenant)["spans"][0]
        assert "�" in span["name"] and "�" in span["service"]
        assert len(server.sql("SELECT * FROM spans", tenant)) == 1
        assert server.get("services", tenant, **ALL_TIME)


TIMES = {
    "1970": (1, 2),
    "zero": (0, 0),
    "2100": (4_102_444_800_000_000_000, 4_102_444_800_000_000_005),
    "ends before it starts": (NOW_NS, NOW_NS - 10**9),
    "lasts since 1970": (0, NOW_NS),
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES.keys())
def test_span_of_any_time_is_readable(server: RunningServer, tenant: str, times: tuple[int, int]) -> None:
    trace_id = os.urandom(16)
    fields = {"trace_id": trace_id, "start_time_unix_nano": times[0], "end_time_unix_nano": times[1]}
    server.send("traces", trace_request(fields), tenant)
    (span,) = server.get(f"traces/{trace_id.hex()}", tenant)["spans"]
    assert (span["start_time_ns"], span["duration_ns"]) == (times[0], times[1] - times[0])
    (found,) = server.get("traces", tenant, **ALL_TIME)["traces"]
    assert found["trace_id"] == trace_id.hex()


@pytest.mark.parametrize("time_ns", [1 << 63, (1 << 64) - 1])
def test_time_beyond_64_signed_bits_never_fails_a_reader(server: RunningServer, tenant: str, time_ns: int) -> None:
    trace_id = os.urandom(16)
    fields = {"trace_id": trace_id, "start_time_unix_nano": time_ns, "end_time_unix_nano": time_ns}
    server.send("traces", trace_request(fields), tenant)
    assert len(server.get(f"traces/{trace_id.hex()}", tenant)["spans"]) == 1
    assert len(server.sql("SELECT * FROM spans", tenant)) == 1
    assert "traces" in server.get("traces", tenant, **ALL_TIME)


def test_spans_with_the_same_ids_are_both_kept(server: RunningServer, tenant: str) -> None:
    ids = {"trace_id": os.urandom(16), "span_id": os.urandom(8)}
    server.send("traces", trace_request({**ids, "name": "first"}, {**ids, "name": "second"}), tenant)
    server.send("traces", trace_request({**ids, "name": "third"}), tenant)
    names = {span["name"] for span in server.get(f"traces/{ids['trace_id'].hex()}", tenant)["spans"]}
    assert names == {"first", "second", "third"}


BAD_IDS = {
    "no trace id": {"trace_id": b""},
    "zero trace id": {"trace_id": bytes(16)},
    "short trace id": {"trace_id": b"\x01" * 8},
    "long trace id": {"trace_id": b"\x01" * 17},
    "no span id": {"span_id": b""},
    "zero span id": {"span_id": bytes(8)},
    "long span id": {"span_id": b"\x01" * 9},
    "both": {"trace_id": b"\x01", "span_id": b"\x01"},
    "with a good link": {"span_id": b"", "links": [Span.Link(trace_id=b"\x01" * 16, span_id=b"\x01" * 8)]},
}


@pytest.mark.parametrize("bad", BAD_IDS.values(), ids=BAD_IDS.keys())
def test_span_with_bad_ids_is_refused_alone(server: RunningServer, tenant: str, bad: dict[str, Any]) -> None:
    answer = server.post("traces", trace_request({}, bad, {}, bad), tenant)
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_spans) == (200, 2)
    assert "trace_id must be 16 bytes" in partial.error_message
    server.settle()
    assert server.count("spans", tenant) == 2


@pytest.mark.parametrize("number", [6, 127, 128, 1000, -1, (1 << 31) - 1])
def test_unknown_enum_is_stored_or_refused_but_never_lost(server: RunningServer, tenant: str, number: int) -> None:
    answer = server.post("traces", trace_request({"kind": number}), tenant)
    assert answer.status_code in (200, 400)
    server.settle()
    assert server.count("spans", tenant) == (answer.status_code == 200)


def test_what_the_engine_reads_more_strictly_than_protobuf_is_stored_as_protobuf_reads_it(
    server: RunningServer, tenant: str
) -> None:
    """Numbers that are too large for their field are cut, fields of another type are unknown."""
    trace_id, number = os.urandom(16), 853180157891
    span = trace_request({"trace_id": trace_id}).resource_spans[0].scope_spans[0].spans[0].SerializeToString()
    span += (
        b"\x50" + encode_varint(number) + b"\x60\x01" + b"\x31" + bytes(8)
    )  # dropped attributes and events, a kind of 8 bytes
    answer = server.post("traces", protobuf_field(1, protobuf_field(2, protobuf_field(2, span))), tenant)
    assert answer.status_code == 200
    server.settle()
    (shown,) = server.get(f"traces/{trace_id.hex()}", tenant)["spans"]
    assert (shown["dropped_attributes"], shown["dropped_events"]) == (number & 0xFFFFFFFF, 1)
    assert list((server.data_dir / "journal").glob("*.refused")) == []


def test_partial_success_in_json(server: RunningServer, tenant: str) -> None:
    spans = [{"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "good"}, {"traceId": "ab", "spanId": "cd" * 8}]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
    answer = server.post("traces", body, tenant, content_type=JSON)
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert server.count("spans", tenant) == 1


def test_only_the_sender_of_a_corrupt_request_gets_400(server: RunningServer, tenant: str) -> None:
    """In one batch: the engine refuses it whole, and the good ones are found out and stored once each."""
    bodies = [make_request("traces", new_ids(5)).SerializeToString() for _ in range(40)]
    bad = {7, 8, 23}
    with ThreadPoolExecutor(len(bodies)) as pool, httpx.Client(timeout=60) as client:
        headers = {"content-type": "application/x-protobuf", "x-scope-orgid": tenant}

        def send(number: int) -> int:
            body = MALFORMED["ends too early"] if number in bad else bodies[number]
            return client.post(f"{server.otlp_url}/v1/traces", content=body, headers=headers).status_code

        statuses = list(pool.map(send, range(len(bodies))))
    assert {number for number, status in enumerate(statuses) if status == 400} == bad
    assert set(statuses) == {200, 400}
    server.settle()
    assert server.count("spans", tenant) == 5 * (len(bodies) - len(bad))
    (row,) = server.sql("SELECT sum(spans) AS n FROM service_red", tenant)
    assert row["n"] == 5 * (len(bodies) - len(bad))


def test_what_is_acknowledged_is_never_refused_later(server: RunningServer, tenant: str) -> None:
    """The answer may come before the engine reads: whatever it then refused would be set aside in the journal."""
    chance = random.Random(7)
    for signal in ("traces", "logs", "metrics"):
        body = make_request(signal, new_ids(3)).SerializeToString()
        for _ in range(12):
            broken = bytearray(body)
            for _ in range(chance.randint(1, 3)):
                broken[chance.randrange(len(broken))] = chance.choice((0, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            assert server.post(signal, bytes(broken), tenant).status_code in (200, 400)
    server.settle()
    assert list((server.data_dir / "journal").glob("*.refused")) == []
