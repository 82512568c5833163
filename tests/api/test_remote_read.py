"""Remote read: what it answers is what was written, in samples and in chunks."""

import asyncio
import math
import secrets
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import cramjam
import crc32c
import httpx
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from tests.api.prometheus.client import app_of, begin
from tests.query.engine import engine
from tests.receivers.prometheus_messages import MESSAGES, write_request
from traceo.access.model import ALL_SCOPES, Principal
from traceo.api.app import ApiServices
from traceo.config import Config
from traceo.policies.service import PolicyService
from traceo.query.xor_chunks import encode_chunks
from traceo.store.base import Request, Signal
from traceo.telemetry import make_metrics

NOW_MS = 1_790_000_000_000
STALE = struct.unpack("<d", (0x7FF0000000000002).to_bytes(8, "little"))[0]
EQUAL, MATCHES = 0, 2
SAMPLES, STREAMED = 0, 1


class Bits:
    """Reads a chunk bit by bit, as Prometheus' own reader does."""

    def __init__(self, data: bytes) -> None:
        self.bits = "".join(f"{byte:08b}" for byte in data)
        self.at = 0

    def take(self, size: int) -> int:
        found = int(self.bits[self.at : self.at + size] or "0", 2)
        self.at += size
        return found

    def varint(self) -> int:
        number = shift = 0
        while (byte := self.take(8)) >= 128:
            number, shift = number | (byte & 127) << shift, shift + 7
        return number | byte << shift


def decode(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Samples of an XOR chunk: times, and the bits of the values."""
    count, bits = int.from_bytes(data[:2], "big"), Bits(data[2:])
    raw = bits.varint()
    time, value = raw >> 1 ^ -(raw & 1), bits.take(64)
    step, leading, size = 0, 0, 0
    for place in range(count):
        if place == 1:
            step = bits.varint()
        elif place > 1:
            ones = 0
            while ones < 4 and bits.take(1):
                ones += 1
            width = (0, 14, 17, 20, 64)[ones]
            change = bits.take(width) if width else 0
            step += change - (1 << width) if width and change > 1 << (width - 1) else change
        if place:
            time += step
            if bits.take(1):
                if bits.take(1):
                    leading, size = bits.take(5), bits.take(6) or 64
                value ^= bits.take(size) << (64 - leading - size)
        yield time, struct.pack(">Q", value)


def random_samples(seed: int) -> tuple[list[int], list[float]]:
    rng = np.random.default_rng(seed)
    steps = rng.choice([0, 1, 15_000, 15_001, 100_000, 600_000, 10**9, 10**12], 400)
    times = (NOW_MS - 10**14 + np.cumsum(steps + 1)).tolist()
    values = rng.choice([0.0, -0.0, 1.0, 1.5, math.inf, STALE, 1e-300, -(2.0**53)], 400)
    return times, np.where(rng.random(400) < 0.5, values, rng.random(400)).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_chunks_hold_every_bit_of_times_and_values(seed: int) -> None:
    times, values = random_samples(seed)
    chunks = list(encode_chunks(np.array(times), np.array(values)))
    assert [len(list(decode(chunk.data))) for chunk in chunks] == [120, 120, 120, 40]
    found = [sample for chunk in chunks for sample in decode(chunk.data)]
    assert found == [(time, struct.pack(">d", value)) for time, value in zip(times, values, strict=True)]


@pytest.fixture
def tenant() -> str:
    return f"read-{secrets.token_hex(4)}"


def store(tenant: str, *requests: Any) -> None:
    sent = [Request(tenant, request.SerializeToString()) for request in requests]
    asyncio.run(engine().insert(Signal.REMOTE_WRITE, sent))


def ask(tenant: str, matchers: list[tuple[int, str, str]], *types: int, **range_: int) -> httpx.Response:
    request = MESSAGES["ReadRequest"](accepted_response_types=types)
    bounds = {"start_timestamp_ms": NOW_MS, "end_timestamp_ms": NOW_MS + 10**6, **range_}
    query = request.queries.add(**bounds)
    for kind, name, value in matchers:
        query.matchers.add(type=kind, name=name, value=value)
    return post(tenant, bytes(cramjam.snappy.compress_raw(request.SerializeToString())))


@cache
def services() -> ApiServices:
    def authenticate(authorization: str | None, x_scope_orgid: str | None, peer_ip: str) -> Principal:
        return Principal(x_scope_orgid or "nobody", ALL_SCOPES, "somebody")

    config, policies = Config(data_dir=Path("/nowhere")), cast(PolicyService, None)
    seconds = make_metrics().api_request_seconds
    other: Any = None  # nothing here counts queries or asks for owners
    return ApiServices(engine(), config, authenticate, CollectorRegistry(), seconds, dict, policies, *[other] * 4)


def post(tenant: str, body: bytes) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app_of(services()))
        async with httpx.AsyncClient(transport=transport, base_url="http://traceo") as client:
            headers = {"x-scope-orgid": tenant}
            return await client.post("/prometheus/api/v1/read", content=body, headers=headers)

    return begin(send()).result()


def samples_of(answer: httpx.Response) -> dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]:
    response = MESSAGES["ReadResponse"].FromString(bytes(cramjam.snappy.decompress_raw(answer.content)))
    return {
        tuple((label.name, label.value) for label in series.labels): [(s.timestamp, s.value) for s in series.samples]
        for series in response.results[0].timeseries
    }


def frames_of(body: bytes) -> Iterator[Any]:
    while body:
        size, head = 0, 0
        while True:
            byte, head = body[head], head + 1
            size |= (byte & 127) << 7 * (head - 1)
            if byte < 128:
                break
        message = body[head + 4 : head + 4 + size]
        assert crc32c.crc32c(message) == int.from_bytes(body[head : head + 4], "big")
        yield MESSAGES["ChunkedReadResponse"].FromString(message)
        body = body[head + 4 + size :]


def series(tenant: str) -> None:
    store(
        tenant,
        write_request(
            ({"__name__": "up", "job": "a"}, [(1.0, NOW_MS), (0.0, NOW_MS + 1000)]),
            ({"__name__": "up", "job": "b"}, [(1.0, NOW_MS + 10**6), (2.0, NOW_MS + 10**6 + 1)]),
            ({"__name__": "down"}, [(1.0, NOW_MS)]),
        ),
        write_request(({"__name__": "up", "job": "a"}, [(7.0, NOW_MS + 1000), (5.0, NOW_MS + 500)])),
    )


def test_samples_are_in_order_and_the_last_received_counts(tenant: str) -> None:
    series(tenant)
    answer = ask(tenant, [(EQUAL, "__name__", "up")])
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "snappy")
    found = samples_of(answer)
    (first, second) = found.values()
    assert list(found) == [(("__name__", "up"), ("job", "a")), (("__name__", "up"), ("job", "b"))]
    assert {time for time, _ in first} == {NOW_MS, NOW_MS + 500, NOW_MS + 1000}
    assert first == sorted(first)
    assert second == [(NOW_MS + 10**6, 1.0)]


def test_chunks_are_streamed_to_those_who_take_them(tenant: str) -> None:
    series(tenant)
    answer = ask(tenant, [(EQUAL, "__name__", "up"), (MATCHES, "job", "b|c")], STREAMED, SAMPLES)
    assert answer.headers["content-type"].startswith("application/x-streamed-protobuf; proto=prometheus.Chunked")
    (frame,) = frames_of(answer.content)
    ((label_a, label_b), (chunk,)) = frame.chunked_series[0].labels, frame.chunked_series[0].chunks
    assert [(label_a.name, label_a.value), (label_b.name, label_b.value)] == [("__name__", "up"), ("job", "b")]
    assert list(decode(chunk.data)) == [(NOW_MS + 10**6, struct.pack(">d", 1.0))]


def test_native_histograms_come_back_as_they_were_written(tenant: str) -> None:
    request = write_request(({"__name__": "latency"}, []))
    sent = request.timeseries[0].histograms.add(
        count_int=6, sum=1.5, schema=3, zero_threshold=0.001, zero_count_int=1, timestamp=NOW_MS, reset_hint=2
    )
    sent.positive_spans.add(offset=-2, length=2)
    sent.positive_spans.add(offset=3, length=1)
    sent.positive_deltas.extend([2, -1, 1])
    store(tenant, request)
    answer = ask(tenant, [(EQUAL, "__name__", "latency")], SAMPLES, STREAMED)
    response = MESSAGES["ReadResponse"].FromString(bytes(cramjam.snappy.decompress_raw(answer.content)))
    assert list(response.results[0].timeseries[0].histograms) == [sent]


def test_histograms_are_streamed_between_floats(tenant: str) -> None:
    request = write_request(({"__name__": "mixed"}, [(1.0, NOW_MS), (2.0, NOW_MS + 1), (3.0, NOW_MS + 5)]))
    for after, count in ((2, 6), (3, 9), (4, 1)):  # the last one follows a reset
        sent = request.timeseries[0].histograms.add(count_int=count, sum=1.5, timestamp=NOW_MS + after)
        sent.positive_spans.add(offset=1, length=1)
        sent.positive_deltas.append(count)
    store(tenant, request)
    (frame,) = frames_of(ask(tenant, [(EQUAL, "__name__", "mixed")], STREAMED).content)
    chunks = frame.chunked_series[0].chunks
    times = [(chunk.type, chunk.min_time_ms - NOW_MS, chunk.max_time_ms - NOW_MS) for chunk in chunks]
    assert times == [(1, 0, 1), (2, 2, 3), (2, 4, 4), (1, 5, 5)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\xff\xff", "no remote read request"),
        (bytes(cramjam.snappy.compress_raw(b"\x0a\xff")), "no remote read request"),
        (bytes(cramjam.snappy.compress_raw(bytes(5 << 20))), "too large"),
    ],
    ids=["snappy", "protobuf", "size"],
)
def test_what_is_no_request_is_refused(tenant: str, body: bytes, words: str) -> None:
    answer = post(tenant, body)
    assert answer.status_code in (400, 413)
    assert words in answer.text


@pytest.mark.parametrize(
    ("matcher", "words"), [((MATCHES, "job", "("), "error parsing regexp"), ((9, "job", "a"), "unknown type")]
)
def test_bad_matcher_is_refused(tenant: str, matcher: tuple[int, str, str], words: str) -> None:
    answer = ask(tenant, [matcher])
    assert answer.status_code == 400
    assert words in answer.text


def test_range_without_end_and_empty_range(tenant: str) -> None:
    series(tenant)
    everything = {"start_timestamp_ms": -(1 << 63), "end_timestamp_ms": (1 << 63) - 1}
    assert len(samples_of(ask(tenant, [(EQUAL, "__name__", "up")], **everything))) == 2
    assert samples_of(ask(tenant, [(EQUAL, "__name__", "up")], start_timestamp_ms=5, end_timestamp_ms=4)) == {}
