"""Analysis of traces, one caller over HTTP: the critical path of 10 000 traces in 2 s, and how answers grow."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.client import JSON, Client, Stopwatch
from benchmarks.generate import drop_load, make_load
from benchmarks.ingest import settle
from benchmarks.options import Options, main
from benchmarks.report import Result, Row, progress
from benchmarks.sender import finish_sending, start_sending
from benchmarks.server import Server

STEPS, STEPS_QUICK = (100_000, 200_000, 700_000), (20_000, 80_000)  # spans: each is asked about when it is stored
CONNECTIONS = 32
SETTLE_S = 20.0
TIMES, TIMES_QUICK = 5, 2
SLOW, FAST = (
    "{ resource.service.name = `web` && duration > 100ms }",
    "{ resource.service.name = `web` && duration < 20ms }",
)
STRUCTURE = "{ resource.service.name = `web` } >> { status = error }"
Between = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Question:
    """`ask` MUST raise when the answer cannot be right; it returns how many traces, spans or groups it is about."""

    measure: str
    ask: Callable[[Client, Between], int]
    target_ms: float | None = None


def run(options: Options) -> Result:
    """Measure the claim."""
    rows, stored = [], 0
    with Server() as server:
        client = Client(server.http_port)
        for number, items in enumerate(STEPS_QUICK if options.quick else STEPS):
            load = make_load("spans", items, 30 + number)
            finish_sending(start_sending(load.path, server.otlp_http_port, "traces", CONNECTIONS))
            drop_load(load)
            stored += items
            settle(server, SETTLE_S)
            between: Between = {"start": load.end_ns - 3600 * 10**9, "end": load.end_ns + 60 * 10**9}
            rows += [_measure(client, between, question, options.quick, stored) for question in QUESTIONS]
        rows.append(Row("memory, peak", server.memory().peak, "MiB", 1000))
    notes = (f"Load average at the end: {os.getloadavg()[0]:.1f}; in brackets what an answer was about.",)
    return Result("analysis", f"{stored:,} spans", rows, options.quick, notes)


def _measure(client: Client, between: Between, question: Question, quick: bool, stored: int) -> Row:
    progress(f"analysis: {question.measure} of {stored:,} spans")
    about = question.ask(client, between)
    watch = Stopwatch()
    for _ in range(TIMES_QUICK if quick else TIMES):
        with watch:
            question.ask(client, between)
    target = question.target_ms if stored >= sum(STEPS) else None
    return Row(f"{question.measure}, of {stored // 1000} k spans ({about:,})", watch.percentile_ms(0.5), "ms", target)


def _critical_path(operation: str, service: str) -> Callable[[Client, Between], int]:
    def ask(client: Client, between: Between) -> int:
        answer = client.get("/api/v1/analysis/critical-path", service=service, operation=operation, **between)
        parts = sum(row["at_quantile_ms"] for row in answer["contributions"])
        if answer["groups"] <= len(answer["contributions"]):
            _expect(abs(parts - answer["quantile"]["mean_ms"]) < 1e-3, "parts of the path add up to its duration")
        return int(answer["traces_read"])

    return ask


def _compare(selection: dict[str, Any], baseline: dict[str, Any]) -> Callable[[Client, Between], int]:
    def ask(client: Client, between: Between) -> int:
        body = {"selection": selection, "baseline": baseline, **{key: str(value) for key, value in between.items()}}
        status, answer = client.call("POST", "/api/v1/analysis/compare", json.dumps(body).encode(), JSON)
        _expect(status == 200, answer[:300].decode())
        found = json.loads(answer)
        return int(found["selection"]["traces_compared"] + found["baseline"]["traces_compared"])

    return ask


def _heat_map(**chosen: str) -> Callable[[Client, Between], int]:
    def ask(client: Client, between: Between) -> int:
        answer = client.get("/api/v1/analysis/heatmap", **chosen, **between)
        return int(sum(cell["count"] for cell in answer["cells"]))

    return ask


def _errors(client: Client, between: Between) -> int:
    answer = client.get("/api/v1/errors", **between)
    _expect(bool(answer["errors"]), "there are errors")
    return int(sum(group["count"] for group in answer["errors"]))


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise RuntimeError(f"a wrong answer: {what}")


QUESTIONS = (
    Question("critical path of a database call", _critical_path("SELECT shop", "orders"), 2000),
    Question("critical path of a page", _critical_path("GET /api/v1/web/list", "web"), 2000),
    Question("compare slow and fast", _compare({"traceql": SLOW}, {"traceql": FAST})),
    Question("compare failed and all", _compare({"service": "billing", "status": "error"}, {"service": "billing"})),
    Question("compare by structure", _compare({"traceql": STRUCTURE}, {"service": "web"})),
    Question("heat map of a service", _heat_map(service="billing")),
    Question("heat map of a status", _heat_map(status="error")),
    Question("error groups", _errors),
)


if __name__ == "__main__":
    main(run, __doc__)
