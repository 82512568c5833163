"""Clients of Loki, Zipkin and Jaeger that people already run, against a real server; requests of agents and Grafana."""

import json
import logging
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import logging_loki
import pytest
from jaeger_client import Tracer as JaegerTracer
from jaeger_client.reporter import InMemoryReporter
from jaeger_client.sampler import ConstSampler
from jaeger_client.thrift import make_jaeger_batch, make_process
from loki_logger_handler.loki_logger_handler import LokiLoggerHandler
from opentelemetry.exporter.zipkin.json import ZipkinExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from py_zipkin.encoding import Encoding
from py_zipkin.zipkin import zipkin_client_span, zipkin_span
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from tests.clickhouse import free_ports
from tests.e2e.server import RunningServer, running_server
from tests.receivers.loki_messages import push_request, snappy

NOW_NS = time.time_ns()
NODE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def zipkin_url() -> str:
    """Where Zipkin's own port is."""
    return f"http://127.0.0.1:{free_ports(1)[0]}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, zipkin_url: str) -> Iterator[RunningServer]:
    port = zipkin_url.rpartition(":")[2]
    with running_server(tmp_path_factory.mktemp("clients") / "data", server__zipkin_port=port) as running:
        yield running
        running.terminate()


def ask(server: RunningServer, path: str, tenant: str, headers: Mapping[str, str] | None = None, **params: Any) -> Any:
    """The JSON of a path of one of the compatible APIs, asked as Grafana asks."""
    sent = {"x-scope-orgid": tenant, "x-query-tags": "Source=grafana", **(headers or {})}
    answer = server.client.get(f"{server.api_url}{path}", params=params, headers=sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def lines_of(server: RunningServer, tenant: str, query: str) -> list[tuple[dict[str, str], str]]:
    """Lines that a query finds, with all their labels."""
    server.settle()
    data = ask(server, "/loki/api/v1/query_range", tenant, query=query, direction="forward", limit="100")["data"]
    return [(stream["stream"], line) for stream in data["result"] for _, line in stream["values"]]


def test_python_logging_loki(server: RunningServer, tenant: str) -> None:
    handler = logging_loki.LokiHandler(f"{server.api_url}/loki/api/v1/push", {"app": "shop"}, version="1")
    handler.emitter.session.headers["X-Scope-OrgID"] = tenant
    handler.handleError = lambda record: pytest.fail("the handler could not send")  # type: ignore[method-assign]
    logger = _logger("logging_loki", handler)
    logger.error("no stock: %s", "Käse", extra={"tags": {"order-id": "o7"}})
    handler.close()
    ((labels, line),) = lines_of(server, tenant, '{app="shop", severity="error"} |= "stock"')
    assert line == "no stock: Käse"
    assert labels.items() >= {"logger": "logging_loki", "order_id": "o7", "detected_level": "error"}.items()


def test_loki_logger_handler(server: RunningServer, tenant: str) -> None:
    handler = LokiLoggerHandler(
        f"{server.api_url}/loki/api/v1/push",
        {"app": "cart"},
        label_keys=["module"],
        additional_headers={"X-Scope-OrgID": tenant},
        enable_structured_loki_metadata=True,
        loki_metadata_keys=["user"],
    )
    _logger("handler", handler).warning("slow", extra={"user": "u1", "took": 5})
    handler._send()  # what its thread does every 10 seconds: compressed JSON with structured metadata
    handler.request.session.close()
    ((labels, line),) = lines_of(server, tenant, '{app="cart", module="test_clients"} | json | took > 4 | user="u1"')
    assert json.loads(line)["message"] == "slow"
    assert labels.items() >= {"detected_level": "warn", "level": "WARNING"}.items()


def _logger(name: str, handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger(name)
    logger.addHandler(handler)
    return logger


FLUENT_BIT = {"stream": {"job": "fluent-bit", "host": "n1"}, "values": [[str(NOW_NS), '{"log":"hello","n":1}']]}
PUSHES: dict[str, tuple[dict[str, str], bytes]] = {
    "promtail": (
        {"content-type": "application/x-protobuf", "user-agent": "promtail/3.5.0"},
        snappy(push_request(('{filename="/var/log/a.log", job="agent"}', [(NOW_NS, "hello", {"pod": "p1"})]))),
    ),
    "fluent bit": (
        {"content-type": "application/json", "user-agent": "Fluent-Bit"},
        json.dumps({"streams": [{**FLUENT_BIT, "stream": {"job": "agent", "host": "n1"}}]}).encode(),
    ),
}


@pytest.mark.parametrize("agent", PUSHES)
def test_pushes_of_agents(server: RunningServer, tenant: str, agent: str) -> None:
    headers, body = PUSHES[agent]
    url = f"{server.api_url}/loki/api/v1/push"
    assert httpx.post(url, content=body, headers={**headers, "x-scope-orgid": tenant}).status_code == 204
    ((labels, line),) = lines_of(server, tenant, '{job="agent"} |= "hello"')
    assert "hello" in line
    assert labels["job"] == "agent"


def test_requests_of_grafanas_loki_data_source(server: RunningServer, tenant: str) -> None:
    """Its health check, Explore and Logs Drilldown, one after the other."""
    lines = [(NOW_NS - place * 10**9, f'level=info msg="order {place}" took={place}ms') for place in range(10)]
    url = f"{server.api_url}/loki/api/v1/push"
    sent = httpx.post(url, content=snappy(push_request(('{app="shop"}', lines))), headers={"x-scope-orgid": tenant})
    assert sent.status_code == 204
    server.settle()
    api, selector = "/loki/api/v1", '{app="shop"}'
    times = {"start": str(NOW_NS - 3600 * 10**9), "end": str(NOW_NS + 10**9)}

    def get(path: str, headers: Mapping[str, str] | None = None, **params: str) -> Any:
        return ask(server, f"{api}/{path}", tenant, headers, **params)

    health = get("query", direction="backward", query="vector(1)+vector(1)", time="4000000000")
    assert health["data"]["result"][0]["value"] == [4000000000, "2"]
    assert get("labels", **times)["data"] == ["app", "service_name"]
    assert get("label/app/values", **times, query='{app=~".+"}')["data"] == ["shop"]
    categorized = {"x-loki-response-encoding-flags": "categorize-labels"}
    explored = get(
        "query_range",
        categorized,
        query=f"{selector} | logfmt",
        direction="backward",
        limit="5",
        step="1000ms",
        **times,
    )["data"]
    (stream,) = explored["result"]
    assert (explored["encodingFlags"], len(stream["values"])) == (["categorize-labels"], 5)
    assert stream["values"][0][1:] == [
        lines[0][1],
        {
            "structuredMetadata": {"detected_level": "info"},
            "parsed": {"level": "info", "msg": "order 0", "took": "0ms"},
        },
    ]
    volume = f"sum by (level, detected_level) (count_over_time({selector} | drop __error__[1m]))"
    counted = get("query_range", query=volume, direction="backward", limit="1000", step="60000ms", **times)["data"]
    assert sum(int(value) for row in counted["result"] for _, value in row["values"]) == 10
    assert get("index/stats", query=selector, **times)["entries"] == 10
    ((_, size),) = [
        row["value"] for row in get("index/volume", query=selector, limit="5000", **times)["data"]["result"]
    ]
    assert int(size) == sum(len(line) for _, line in lines)
    fields = {one["label"] for one in get("detected_fields", query=selector, line_limit="1000", **times)["fields"]}
    assert fields >= {"level", "msg", "took"}
    assert get("detected_labels", query=selector, **times)["detectedLabels"]


def test_py_zipkin(server: RunningServer, tenant: str) -> None:
    def transport(encoded: bytes | str) -> None:
        body = encoded.encode() if isinstance(encoded, str) else encoded
        headers = {"content-type": "application/json", "x-scope-orgid": tenant}
        assert httpx.post(f"{server.api_url}/api/v2/spans", content=body, headers=headers).status_code == 202

    with zipkin_span(
        "cart", "add", transport_handler=transport, sample_rate=100, encoding=Encoding.V2_JSON, use_128bit_trace_id=True
    ) as root:
        trace_id = root.zipkin_attrs.trace_id
        with zipkin_client_span("cart", "query", binary_annotations={"db": "pg"}) as inner:
            inner.add_sa_binary_annotation(5432, "postgres", "10.0.0.5")
    check_trace(server, tenant, trace_id, {"add": "server", "query": "client"})


def test_zipkin_exporter_of_opentelemetry(server: RunningServer, tenant: str, zipkin_url: str) -> None:
    provider = TracerProvider(resource=Resource({"service.name": "cart"}))
    exporter = ZipkinExporter(endpoint=f"{zipkin_url}/api/v2/spans")
    exporter.session.headers["x-scope-orgid"] = tenant
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("lib")
    with tracer.start_as_current_span("add") as root, tracer.start_as_current_span("query", attributes={"db": "pg"}):
        pass
    provider.shutdown()
    check_trace(server, tenant, f"{root.get_span_context().trace_id:032x}", {"add": "internal", "query": "internal"})


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it leaves sockets open
def test_jaeger_client(server: RunningServer, tenant: str) -> None:
    """Its spans as its collector gets them: one `Batch` of Thrift over HTTP."""
    reporter = InMemoryReporter()
    tracer = JaegerTracer("cart", reporter, ConstSampler(True), generate_128bit_trace_id=True)
    tags = {"span.kind": "client", "db": "pg", "n": 3}
    with (
        tracer.start_span("add", tags={"span.kind": "server"}) as root,
        tracer.start_span("query", child_of=root, tags=tags) as inner,
    ):
        inner.log_kv({"event": "retry", "attempt": 2})
    memory = TMemoryBuffer()
    make_jaeger_batch(reporter.get_spans(), make_process("cart", tracer.tags, 1024)).write(TBinaryProtocol(memory))
    headers = {"content-type": "application/x-thrift", "x-scope-orgid": tenant}
    url = f"{server.otlp_url}/api/traces?format=jaeger.thrift"
    assert httpx.post(url, content=memory.getvalue(), headers=headers).status_code == 202
    check_trace(server, tenant, f"{root.trace_id:032x}", {"add": "server", "query": "client"})


@pytest.mark.parametrize("client", ["otlp", "zipkin", "jaeger"])
def test_clients_of_node(server: RunningServer, tenant: str, client: str) -> None:
    if not (NODE / "node_modules").exists():
        pytest.skip("make setup installs the clients of Node.js")
    command = ["node", "send.cjs", client, server.otlp_url, tenant]
    sent = subprocess.run(command, cwd=NODE, capture_output=True, text=True, timeout=60, check=False)
    assert sent.returncode == 0, sent.stderr
    check_trace(server, tenant, sent.stdout.strip(), {"add": "server", "query": "client"})


def check_trace(server: RunningServer, tenant: str, trace_id: str, kinds: dict[str, str]) -> None:
    """Two spans of `cart`, by our own API and as Grafana's Tempo and Jaeger data sources ask for them."""
    server.settle()
    found = server.get(f"traces/{trace_id}", tenant)
    spans = {span["name"]: span for span in found["spans"]}
    assert {name: span["kind"] for name, span in spans.items()} == kinds
    assert spans["query"]["parent_span_id"] == spans["add"]["span_id"]
    assert spans["query"]["attributes"]["db"] == "pg"
    assert {one["attributes"]["service.name"] for one in found["resources"].values()} == {"cart"}
    around = {"start": str(NOW_NS // 10**9 - 60), "end": str(NOW_NS // 10**9 + 600)}
    q = '{resource.service.name="cart" && name="query" && span.db="pg"}'
    (one,) = ask(server, "/tempo/api/search", tenant, q=q, limit="20", spss="3", **around)["traces"]
    assert (one["traceID"], one["rootTraceName"], one["spanSet"]["matched"]) == (trace_id.lstrip("0"), "add", 1)
    assert ask(server, f"/tempo/api/v2/traces/{trace_id}", tenant, **around)["trace"]["resourceSpans"]
    assert ask(server, "/jaeger/api/services", tenant)["data"] == ["cart"]
    assert ask(server, "/jaeger/api/services/cart/operations", tenant)["data"] == ["add", "query"]
    microseconds = {name: f"{value}000000" for name, value in around.items()}
    asked = {"service": "cart", "operation": "query", "tags": '{"db":"pg"}', "limit": "20", "lookback": "custom"}
    (trace,) = ask(server, "/jaeger/api/traces", tenant, **asked, **microseconds)["data"]
    assert sorted(span["operationName"] for span in trace["spans"]) == ["add", "query"]
