"""Spans of Zipkin's and Jaeger's clients, through a real server and back."""

import time

import httpx
import pytest

from tests.e2e.server import RunningServer
from tests.receivers.test_spans import JAEGER, SPAN, THRIFT, TRACE, ZIPKIN, jaeger, tag, zipkin

NOW_US = time.time_ns() // 1000
TIMES = {"timestamp": NOW_US, "duration": 1500}
BODIES = {
    "zipkin": (ZIPKIN, zipkin(name="get", **TIMES, localEndpoint={"serviceName": "cart"}, tags={"n": "3"}), {}),
    "zipkin, api": (ZIPKIN, zipkin(name="get", **TIMES, localEndpoint={"serviceName": "cart"}, tags={"n": "3"}), {}),
    "jaeger": (JAEGER, jaeger((8, 10, NOW_US), (9, 10, 1500), (10, 15, [tag("n", "3")])), THRIFT),
}


@pytest.mark.parametrize("protocol", BODIES)
def test_spans_of_other_protocols_come_back(server: RunningServer, tenant: str, protocol: str) -> None:
    path, body, headers = BODIES[protocol]
    url = server.api_url if protocol.endswith("api") else server.otlp_url
    sent = httpx.post(f"{url}{path}", content=body, headers={**headers, "x-scope-orgid": tenant})
    assert sent.status_code == 202, sent.text
    server.settle()
    found = server.get(f"traces/{TRACE}", tenant)
    (span,), (resource,) = found["spans"], found["resources"].values()
    assert (span["span_id"], span["name"], span["attributes"]) == (SPAN, "get", {"n": "3"})
    assert resource["attributes"]["service.name"] == "cart"
