"""Senders that work at the same time, and remember what was acknowledged: each item has an id of its own, sent once."""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.expected import key_values
from tests.e2e.server import PROTOBUF, RunningServer

ITEMS = 20  # of one request
SIGNALS = ("traces", "logs", "metrics")
_numbers = itertools.count(1)
_number_lock = threading.Lock()


@dataclass(slots=True)
class Sent:
    """Ids by signal. What was sent and not acknowledged may be stored, or not."""

    acknowledged: dict[str, set[int]] = field(default_factory=lambda: {signal: set() for signal in SIGNALS})
    sent: dict[str, set[int]] = field(default_factory=lambda: {signal: set() for signal in SIGNALS})
    refusals: list[str] = field(default_factory=list)


@contextmanager
def load(
    server: RunningServer, sent: Sent, senders: int = 2, signals: Sequence[str] = SIGNALS, pause_s: float = 0
) -> Iterator[None]:
    """Send these signals from `senders` threads each, until the block ends or the server does.

    Where it lasts for seconds, a pause after each request leaves the machine to the server that is watched.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(senders * len(signals)) as pool:
        works = [
            pool.submit(_send, server.otlp_url, signal, sent, stop, pause_s)
            for signal in signals
            for _ in range(senders)
        ]
        try:
            yield
        finally:
            stop.set()
            for work in works:
                work.result()


def wait_for(condition: Callable[[], object], timeout_s: float = 60.0, poll_s: float = 0.02) -> None:
    """Until it is true. One that asks a busy server is asked less often, so that it does not wait for its own load."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(poll_s)


def new_ids(count: int) -> list[int]:
    with _number_lock:
        return [next(_numbers) for _ in range(count)]


def make_request(signal: str, ids: list[int]) -> Message:
    """One request with an item for each id."""
    return MAKERS[signal](ids)


def _send(url: str, signal: str, sent: Sent, stop: threading.Event, pause_s: float) -> None:
    with httpx.Client(timeout=60) as client:
        while not stop.is_set():
            ids = new_ids(ITEMS)
            sent.sent[signal].update(ids)
            body = make_request(signal, ids).SerializeToString()
            try:
                answer = client.post(f"{url}/v1/{signal}", content=body, headers={"content-type": PROTOBUF})
            except httpx.TransportError:
                return  # it was killed, or has ended
            if answer.status_code == 200:
                sent.acknowledged[signal].update(ids)
            else:
                sent.refusals.append(f"{answer.status_code} {answer.text}")
                return
            stop.wait(pause_s)


def _traces(ids: list[int]) -> Message:
    request = ExportTraceServiceRequest()
    for number in ids:
        group = request.resource_spans.add()
        group.resource.attributes.extend(key_values({"service.name": f"service-{number % 3}"}))
        span = group.scope_spans.add().spans.add(
            trace_id=os.urandom(16), span_id=number.to_bytes(8, "big"), name=f"GET /{number % 5}", kind=2
        )
        span.start_time_unix_nano = time.time_ns() - number % 2 * 90 * 10**9
        span.end_time_unix_nano = span.start_time_unix_nano + 10**6 * (number % 7)
        span.status.code = 2 if number % 4 == 0 else 0  # type: ignore[assignment]
    return request


def _logs(ids: list[int]) -> Message:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.extend(key_values({"service.name": "service-0"}))
    group.scope_logs.add()
    for number in ids:
        group.scope_logs[0].log_records.add(time_unix_nano=time.time_ns(), span_id=number.to_bytes(8, "big"))
    return request


def _metrics(ids: list[int]) -> Message:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(key_values({"service.name": "service-0"}))
    points = group.scope_metrics.add().metrics.add(name="jobs").gauge.data_points
    for number in ids:
        point = points.add(time_unix_nano=time.time_ns(), as_int=number)
        point.attributes.extend(key_values({"worker": number % 10}))
    return request


MAKERS: dict[str, Callable[[list[int]], Message]] = {"traces": _traces, "logs": _logs, "metrics": _metrics}
