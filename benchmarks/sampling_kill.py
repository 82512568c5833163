"""`kill -9` at 50 random moments under load: no acknowledged span of a kept trace is missing, none is stored twice."""

import asyncio
import hashlib
import http.client
import itertools
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from benchmarks.client import Client
from benchmarks.options import Options, main
from benchmarks.report import Result, Row, progress
from benchmarks.server import Server
from traceo.config import Store as StoreSettings
from traceo.store.embedded import open_embedded

KILLS, KILLS_QUICK = 50, 4
SENDERS = 3
TRACES = 20  # of a request
SPANS = 4  # of a trace; the last one comes late
LATE_REQUESTS = 150  # later
MOMENT_S = 2.5  # more than a decision wait and a round
TIMEOUT_S = 180
ERRORS = 4  # one trace in so many has an error
POLICIES = """
decision_wait: 1s
policies:
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: some, type: probabilistic, probabilistic: {sampling_percentage: 30}}
"""
NUMBER = "reinterpretAsUInt64(reverse(span_id))"
LEDGER = "SELECT (SELECT sum(spans) FROM sampling_ledger), (SELECT sum(spans) FROM service_red)"
KEPT = f"SELECT {NUMBER} AS id, count() AS n FROM spans GROUP BY id"
ARRIVED = f"SELECT {NUMBER} AS id, count() AS n FROM spans_recent GROUP BY id"
# Of all that arrived, acknowledged or not: spans that are not where their trace's verdict says.
MISPLACED = """
SELECT count() AS n FROM spans_recent AS r LEFT ANY JOIN decisions AS d ON r.trace_id = d.trace_id
WHERE (r.span_id IN (SELECT span_id FROM spans)) != d.keep OR d.round = 0
"""
VERDICTS = "SELECT count() - uniqExact(trace_id) AS twice, uniqExact(trace_id) AS traces FROM decisions"


@dataclass(slots=True)
class Sent:
    """Numbers of spans; what was sent and not acknowledged may be stored, or not."""

    acknowledged: list[list[int]] = field(default_factory=list)
    requests: Iterator[int] = field(default_factory=itertools.count)

    def numbers(self) -> np.ndarray:
        """Of all acknowledged spans."""
        return np.fromiter(itertools.chain.from_iterable(self.acknowledged), np.uint64)


def run(options: Options) -> Result:
    """Kill and start again, then look at the tables."""
    kills = KILLS_QUICK if options.quick else KILLS
    chance, sent, starts = random.Random(50), Sent(), []
    with Server(POLICIES) as server:
        for number in range(kills):
            progress(f"sampling_kill: {number + 1} of {kills}", end=number % 10 == 9)
            _load_and_kill(server, sent, chance.uniform(0, MOMENT_S))
            server.start()
            starts.append(server.ready_s)
        caught_up_s = _until_judged(server)
        server.stop()
        rows = asyncio.run(_examine(server.folder / "data" / "store", sent.numbers()))
    rows[:0] = [
        Row("kill -9", kills, ""),
        Row("start after a kill, median", sorted(starts)[kills // 2], "s"),
        Row("everything judged after the last start", caught_up_s, "s"),
    ]
    notes = (
        f"decision_wait 1 s; {SENDERS} senders without a pause, {TRACES} new traces a request; the last span of each "
        "trace comes seconds later. Each kill falls at a random moment of rounds, inserts and merges.",
    )
    data = f"{len(sent.numbers()):,} acknowledged spans, {SPANS} a trace, one trace in {ERRORS} with an error"
    return Result("sampling_kill", data, rows, options.quick, notes)


def _load_and_kill(server: Server, sent: Sent, moment_s: float) -> None:
    before = len(sent.acknowledged)
    with _load(server, sent):
        deadline = time.monotonic() + TIMEOUT_S
        while len(sent.acknowledged) < before + SENDERS:
            if time.monotonic() > deadline:
                raise RuntimeError("the server takes nothing")
            time.sleep(0.01)
        time.sleep(moment_s)
        server.kill()


@contextmanager
def _load(server: Server, sent: Sent) -> Iterator[None]:
    """Until the server is killed, or the block ends."""
    stop = threading.Event()
    with ThreadPoolExecutor(SENDERS) as pool:
        senders = [pool.submit(_send, server.otlp_http_port, sent, stop) for _ in range(SENDERS)]
        try:
            yield
        finally:
            stop.set()
            for sender in senders:
                sender.result()


def _send(port: int, sent: Sent, stop: threading.Event) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while not stop.is_set():
        request = next(sent.requests)
        traces = range(request * TRACES, (request + 1) * TRACES)
        spans = [trace * SPANS + place for trace in traces for place in range(SPANS - 1)]
        if request >= LATE_REQUESTS:
            spans += [trace * SPANS + SPANS - 1 - LATE_REQUESTS * TRACES * SPANS for trace in traces]
        try:
            connection.request("POST", "/v1/traces", _body(spans), {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            return  # it was killed
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {text[:500]!r}")
        sent.acknowledged.append(spans)


def _body(numbers: list[int]) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.append(KeyValue(key="service.name", value=AnyValue(string_value="shop")))
    spans, now = group.scope_spans.add().spans, time.time_ns()
    for number in numbers:
        trace = number // SPANS
        span = spans.add(
            trace_id=hashlib.blake2b(trace.to_bytes(8, "big"), digest_size=16).digest(),
            span_id=(number + 1).to_bytes(8, "big"),
            name=f"GET /{number % 7}",
            kind=2,
            start_time_unix_nano=now,
            end_time_unix_nano=now + 10**6,
        )
        span.status.code = 2 if trace % ERRORS == 0 else 0  # type: ignore[assignment]
    return request.SerializeToString()


def _until_judged(server: Server) -> float:
    """How long it took until every span that arrived was in the ledger."""
    client, started = Client(server.http_port), time.monotonic()
    while time.monotonic() < started + TIMEOUT_S:
        ((judged, arrived),) = client.sql(LEDGER)
        if judged == arrived and not server.pending_bytes():
            return time.monotonic() - started
        time.sleep(0.25)
    raise RuntimeError(f"{judged} of {arrived} spans were judged within {TIMEOUT_S} s")


async def _examine(folder: Path, acknowledged: np.ndarray) -> list[Row]:
    store = open_embedded(folder, StoreSettings())
    try:
        kept, arrived = [await store.query(sql) for sql in (KEPT, ARRIVED)]
        misplaced = (await store.query(MISPLACED))["n"][0].as_py()
        (verdicts,) = (await store.query(VERDICTS)).to_pylist()
    finally:
        await store.close()
    failed = acknowledged[acknowledged // SPANS % ERRORS == 0] + 1
    return [
        Row("traces judged", verdicts["traces"], ""),
        Row("spans kept", len(kept), ""),
        Row("acknowledged spans that never arrived", _missing(acknowledged + 1, arrived["id"]), "", 0),
        Row("acknowledged spans of traces with errors that are not kept", _missing(failed, kept["id"]), "", 0),
        Row("spans that are not where their verdict says", misplaced, "", 0),
        Row("spans stored twice", int((kept["n"].to_numpy() > 1).sum()), "", 0),
        Row("spans that arrived twice", int((arrived["n"].to_numpy() > 1).sum()), "", 0),
        Row("traces with two verdicts", verdicts["twice"], "", 0),
    ]


def _missing(numbers: np.ndarray, found: object) -> int:
    return len(np.setdiff1d(numbers, np.asarray(found)))


if __name__ == "__main__":
    main(run, __doc__)
