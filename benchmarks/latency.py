"""One span is acknowledged within 300 ms, and visible soon; the server is ready within 3 s of its start."""

import random
import time

from benchmarks.client import Client, Stopwatch, percentile
from benchmarks.data.wire import attribute, block, pack_fixed64, resource, tag_fixed64, text, whole
from benchmarks.options import Options, main
from benchmarks.report import Result, Row, progress
from benchmarks.server import Server

REQUESTS, REQUESTS_QUICK = 50, 10
PAUSE_S = 0.5  # between lone requests: longer than an insert and what the batcher rests after it
RESTARTS = 3
PROTOBUF = {"Content-Type": "application/x-protobuf"}


def run(options: Options) -> Result:
    """Measure the claim."""
    requests = REQUESTS_QUICK if options.quick else REQUESTS
    acked, visible = Stopwatch(), Stopwatch()
    with Server() as server:
        first_ready = server.ready_s
        at_once = _send_lone_spans(server, requests, acked, visible)
        later = [_restart(server) for _ in range(RESTARTS)]
    rows = [
        Row("one span acknowledged, p50", acked.percentile_ms(0.5), "ms", 300),
        Row("one span acknowledged, p95", acked.percentile_ms(0.95), "ms", 300),
        Row("acknowledged to visible, p50", visible.percentile_ms(0.5), "ms"),
        Row("acknowledged to visible, p95", visible.percentile_ms(0.95), "ms"),
        Row("not yet visible when first asked for", 100 * (1 - at_once / requests), "%"),
        Row("start to ready, new data directory", first_ready, "s", 3),
        Row("start to ready, later starts, median", percentile(later, 0.5), "s", 3),
        Row("start to ready, later starts, longest", max(later), "s", 3),
    ]
    return Result(
        "latency", f"{requests} requests of one span, {PAUSE_S} s apart; {RESTARTS} restarts", rows, options.quick
    )


def _send_lone_spans(server: Server, requests: int, acked: Stopwatch, visible: Stopwatch) -> int:
    """Returns how many were found by the first GET after the answer. The first request of all does not count."""
    otlp, api = Client(server.otlp_http_port), Client(server.http_port)
    at_once = 0
    for number in range(requests + 1):
        trace_id = random.randbytes(16)
        progress(f"latency: request {number} of {requests}")
        with Stopwatch() if number == 0 else acked:
            status, answer = otlp.call("POST", "/v1/traces", one_span(trace_id), PROTOBUF)
        if status != 200:
            raise RuntimeError(f"{status}: {answer!r}")
        with Stopwatch() if number == 0 else visible:
            looks = _looks_until_visible(api, trace_id)
        at_once += number > 0 and looks == 1
        time.sleep(PAUSE_S)
    return at_once


def _looks_until_visible(api: Client, trace_id: bytes) -> int:
    looks = 1
    while api.call("GET", f"/api/v1/traces/{trace_id.hex()}")[0] != 200:
        looks += 1
        if looks > 1000:
            raise RuntimeError(f"the acknowledged trace {trace_id.hex()} does not become visible")
    return looks


def one_span(trace_id: bytes) -> bytes:
    """An ExportTraceServiceRequest with a span of one second that ends now."""
    now = time.time_ns()
    times = tag_fixed64(7) + pack_fixed64(now - 10**9) + tag_fixed64(8) + pack_fixed64(now)
    span = block(1, trace_id) + block(2, random.randbytes(8)) + text(5, "GET /") + whole(6, 2) + times
    scope_spans = block(2, block(2, span + attribute(9, "http.method", "GET")))
    return block(1, resource({"service.name": "lone"}) + scope_spans)


def _restart(server: Server) -> float:
    server.stop()
    server.start()
    return server.ready_s


if __name__ == "__main__":
    main(run, __doc__)
