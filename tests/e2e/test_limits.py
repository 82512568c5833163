"""Slow, vanishing, greedy and foreign clients: each is bounded, none disturbs another."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import pytest

from tests.e2e.load import make_request, new_ids, wait_for
from tests.e2e.server import PROTOBUF, RunningServer, running_server

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
BUFFER_BYTES = 4 << 20
REQUEST_TIMEOUT_S = 4


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a small ingest buffer and little patience."""
    with running_server(
        tmp_path_factory.mktemp("narrow") / "data",
        ingest__buffer_max_bytes=BUFFER_BYTES,
        ingest__max_decompressed="4MiB",
        ingest__batch_max_bytes="2MiB",
        ingest__request_timeout=f"{REQUEST_TIMEOUT_S}s",
        query__timeout="2s",
    ) as server:
        yield server
        server.terminate()


def start_body(server: RunningServer, length: int, sent: int) -> socket.socket:
    """A client that announces a body of `length` bytes and has sent `sent` of them."""
    client = socket.create_connection(("127.0.0.1", server.otlp_http_port), timeout=30)
    head = f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: {length}\r\n\r\n"
    client.sendall(head.encode() + bytes(sent))
    return client


def buffered(server: RunningServer) -> int:
    number: int = server.get("status")["buffered_bytes"]
    return number


def store_one(server: RunningServer, tenant: str) -> None:
    """A good request is stored and read, whoever else holds a part of the buffer."""
    assert server.post("traces", make_request("traces", new_ids(1)), tenant).status_code == 200
    wait_for(lambda: server.count("spans", tenant) == 1)


def test_slow_client_is_told_to_try_again_and_holds_nobody_up(narrow: RunningServer, tenant: str) -> None:
    with start_body(narrow, 1000, 500) as slow:
        wait_for(lambda: buffered(narrow) == 500)
        store_one(narrow, tenant)
        answer = slow.recv(4096)
        assert answer.startswith(b"HTTP/1.1 429") and b"retry-after" in answer
    wait_for(lambda: buffered(narrow) == 0)


def test_client_that_leaves_in_the_middle_of_a_body_leaves_nothing(narrow: RunningServer, tenant: str) -> None:
    for _ in range(20):
        start_body(narrow, 100_000, 50_000).close()
    wait_for(lambda: buffered(narrow) == 0)
    store_one(narrow, tenant)


def test_full_buffer_answers_429_with_retry_after(narrow: RunningServer, tenant: str) -> None:
    held = BUFFER_BYTES - 1000
    with start_body(narrow, held + 1, held):
        wait_for(lambda: buffered(narrow) == held)
        answer = narrow.post("traces", bytes(2000), tenant)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        with grpc.insecure_channel(narrow.grpc_address) as channel, pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary(EXPORT)(bytes(2000))
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "grpc-status-details-bin" in dict(refused.value.trailing_metadata())  # RetryInfo: it may be sent again
    wait_for(lambda: buffered(narrow) == 0)
    store_one(narrow, tenant)


def test_everything_that_a_small_buffer_took_is_stored_once(narrow: RunningServer, tenant: str) -> None:
    bodies = [make_request("traces", new_ids(2500)).SerializeToString() for _ in range(12)]
    headers = {"content-type": PROTOBUF, "x-scope-orgid": tenant}
    with ThreadPoolExecutor(len(bodies)) as pool, httpx.Client(timeout=60) as client:
        url = f"{narrow.otlp_url}/v1/traces"
        answers = list(pool.map(lambda body: client.post(url, content=body, headers=headers).status_code, bodies))
    assert set(answers) <= {200, 429}
    narrow.settle()
    assert narrow.count("spans", tenant) == 2500 * answers.count(200)


def test_tenants_see_their_own_data_only(server: RunningServer) -> None:
    tenants = [f"isolated-{number}" for number in range(8)]
    counts = {name: number + 1 for number, name in enumerate(tenants)}

    def send(name: str) -> None:
        for signal in ("traces", "logs", "metrics"):
            assert server.post(signal, make_request(signal, new_ids(counts[name])), name).status_code == 200

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, tenants))
    server.settle()
    for name in tenants:
        found = {view: server.count(view, name) for view in ("spans", "logs", "samples")}
        assert found == dict.fromkeys(found, counts[name])
        (row,) = server.sql("SELECT sum(spans) AS n FROM service_red", name)
        assert row["n"] == counts[name]


def test_trace_of_another_tenant_is_not_found(server: RunningServer, tenant: str) -> None:
    request = make_request("traces", new_ids(1))
    server.send("traces", request, tenant)
    trace_id = request.resource_spans[0].scope_spans[0].spans[0].trace_id.hex()  # type: ignore[attr-defined]
    answer = server.client.get(f"{server.api_url}/api/v1/traces/{trace_id}", headers={"x-scope-orgid": "other"})
    assert answer.status_code == 404
    assert len(server.get(f"traces/{trace_id}", tenant)["spans"]) == 1


def run_sql(server: RunningServer, query: str, tenant: str, timeout_s: float = 30) -> httpx.Response:
    return server.client.post(
        f"{server.api_url}/api/v1/sql", json={"query": query}, headers={"x-scope-orgid": tenant}, timeout=timeout_s
    )


ENDLESS = "SELECT sum(cityHash64(a.span_id, b.span_id, c.span_id)) FROM spans AS a, spans AS b, spans AS c"


def test_engine_goes_on_after_failed_and_endless_queries(narrow: RunningServer, tenant: str) -> None:
    narrow.send("traces", make_request("traces", new_ids(3000)), tenant)
    assert run_sql(narrow, "SELECT nothing FROM spans", tenant).status_code == 400
    assert run_sql(narrow, "SELECT toUInt8(name) FROM spans", tenant).status_code == 400
    assert run_sql(narrow, ENDLESS, tenant).status_code == 422
    assert narrow.count("spans", tenant) == 3000
    store_one(narrow, f"{tenant}-after")


def test_engine_goes_on_after_clients_that_gave_up(narrow: RunningServer, tenant: str) -> None:
    narrow.send("traces", make_request("traces", new_ids(3000)), tenant)
    for _ in range(6):
        with pytest.raises(httpx.ReadTimeout):
            run_sql(narrow, ENDLESS, tenant, timeout_s=0.1)
    store_one(narrow, f"{tenant}-after")  # ingest has connections of its own
    wait_for(lambda: run_sql(narrow, "SELECT count() FROM spans", tenant).status_code == 200)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("guarded") / "data", access__mode="token") as server:
        yield server
        server.terminate()


def create_token(server: RunningServer, tenant: str, *scopes: str) -> dict[str, str]:
    """The header that carries a new token, made with the command line beside the running server."""
    flags = [word for scope in scopes for word in ("--scope", scope)]
    made = subprocess.run(
        [sys.executable, "-m", "traceo.cli", "token", "create", "test", "--tenant", tenant, "--json", *flags],
        cwd=server.data_dir.parent,
        env={**os.environ, "TRACEO_DATA_DIR": str(server.data_dir)},
        capture_output=True,
        check=True,
    )
    return {"authorization": f"Bearer {json.loads(made.stdout)['secret']}"}


def test_token_opens_what_its_scope_says_and_for_its_tenant_only(guarded: RunningServer) -> None:
    writer, reader = create_token(guarded, "a", "ingest"), create_token(guarded, "a", "query")
    body = make_request("traces", new_ids(3)).SerializeToString()

    def post(headers: dict[str, str]) -> int:
        headers = {"content-type": PROTOBUF, **headers}
        return guarded.client.post(f"{guarded.otlp_url}/v1/traces", content=body, headers=headers).status_code

    def read(headers: dict[str, str]) -> httpx.Response:
        query = {"query": "SELECT count() FROM spans"}
        return guarded.client.post(f"{guarded.api_url}/api/v1/sql", json=query, headers=headers)

    assert [post(headers) for headers in ({}, {"authorization": "Bearer tro_wrong"}, {"x-scope-orgid": "a"})] == [
        401
    ] * 3
    assert (post(reader), post({**writer, "x-scope-orgid": "b"})) == (403, 403)
    assert post(writer) == 200
    assert [read(headers).status_code for headers in ({}, writer, {**reader, "x-scope-orgid": "b"})] == [401, 403, 403]
    wait_for(lambda: read(reader).json()["rows"] == [[3]])
    assert read(create_token(guarded, "b", "query")).json()["rows"] == [[0]]


def test_token_over_grpc(guarded: RunningServer) -> None:
    writer, reader = create_token(guarded, "c", "ingest"), create_token(guarded, "c", "query")
    body = make_request("traces", new_ids(3)).SerializeToString()
    with grpc.insecure_channel(guarded.grpc_address) as channel:
        export = channel.unary_unary(EXPORT)
        for headers, code in (({}, "UNAUTHENTICATED"), (reader, "PERMISSION_DENIED")):
            with pytest.raises(grpc.RpcError) as refused:
                export(body, metadata=tuple(headers.items()))
            assert refused.value.code().name == code
        assert export(body, metadata=tuple(writer.items())) == b""
