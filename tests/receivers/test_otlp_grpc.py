import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.receivers.messages import traces
from tests.receivers.servers import serve_grpc
from tests.receivers.stubs import BAD, PARTIAL, Bench, make_bench
from traceo.errors import DiskFull, Overloaded, StoreUnavailable
from traceo.receivers.otlp_grpc import METHODS, peer_ip
from traceo.store.base import Signal

TRACES = next(name for name, signal in METHODS.items() if signal is Signal.TRACES)


def call(body: bytes, bench: Bench, method: str = TRACES, **options: Any) -> bytes:
    async def run() -> bytes:
        async with serve_grpc(bench) as address, grpc.aio.insecure_channel(address) as channel:
            return await channel.unary_unary(method)(body, timeout=10, **options)

    return asyncio.run(run())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate]
)
def test_store_receives_the_bytes(method: str, compression: grpc.Compression) -> None:
    bench, body = make_bench(), traces(100)
    assert call(body, bench, method, compression=compression, metadata=(("x-scope-orgid", "acme"),)) == b""
    assert [(request.tenant, request.body) for request in bench.store.stored] == [("acme", body)]


def test_partial_success_names_the_rejected_items() -> None:
    answer = ExportTraceServiceResponse.FromString(call(PARTIAL, make_bench()))
    assert answer.partial_success.rejected_spans == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Overloaded("full", retry_after_s=2.5), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (StoreUnavailable("gone"), grpc.StatusCode.UNAVAILABLE),
        (DiskFull("full"), grpc.StatusCode.UNAVAILABLE),
    ],
    ids=["overloaded", "unavailable", "disk"],
)
def test_what_may_be_repeated_carries_retry_info(error: Exception, code: grpc.StatusCode) -> None:
    bench = make_bench()
    bench.store.fail_with = error
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        call(b"x", bench)
    assert raised.value.code() is code
    details = dict(raised.value.trailing_metadata())["grpc-status-details-bin"]
    info = RetryInfo()
    assert Status.FromString(details).details[0].Unpack(info) and info.retry_delay.ToMilliseconds() >= 1000


@pytest.mark.parametrize(
    ("body", "metadata", "code"),
    [
        (BAD, (), grpc.StatusCode.INVALID_ARGUMENT),
        (b"x", (("authorization", "Bearer wrong"),), grpc.StatusCode.UNAUTHENTICATED),
        (b"x", (("authorization", "Bearer reader"),), grpc.StatusCode.PERMISSION_DENIED),
    ],
    ids=["corrupt", "bad token", "without the scope"],
)
def test_what_may_not_be_repeated(body: bytes, metadata: Any, code: grpc.StatusCode) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        call(body, make_bench(), metadata=metadata)
    assert raised.value.code() is code and not dict(raised.value.trailing_metadata())


def test_unexpected_error_is_internal_and_says_nothing_of_itself() -> None:
    bench = make_bench()
    bench.store.fail_with = ZeroDivisionError("secret")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        call(b"x", bench)
    assert raised.value.code() is grpc.StatusCode.INTERNAL and "secret" not in str(raised.value.details())


def test_unknown_method_is_unimplemented() -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        call(b"x", make_bench(), "/opentelemetry.proto.collector.profiles.v1.ProfilesService/Export")
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_message_beyond_the_limit_is_refused(compression: grpc.Compression) -> None:
    bench = make_bench(max_decompressed=1 << 20)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        call(bytes(2 << 20), bench, compression=compression)
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and bench.store.stored == []


@pytest.mark.parametrize(
    ("peer", "ip"),
    [("ipv4:10.0.0.1:4242", "10.0.0.1"), ("ipv6:%5B::1%5D:4242", "::1"), ("ipv6:[::1]:1", "::1"), ("unix:/run/x", "")],
)
def test_peer_ip_is_the_address_alone(peer: str, ip: str) -> None:
    assert peer_ip(peer) == ip


@pytest.mark.parametrize(("value", "keep"), [("1", True), ("0", False)])
def test_metadata_asks_to_keep_what_is_sampled(value: str, keep: bool) -> None:
    bench = make_bench(is_sampled=True)
    call(b"x", bench, metadata=(("x-traceo-keep", value),))
    assert [(request.recent, request.keep) for request in bench.store.stored] == [(True, keep)]
