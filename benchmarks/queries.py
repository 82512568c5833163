"""Over a million spans: a trace by id in 8 ms, by an attribute in 10 ms, p95 by service in 25 ms; over 20 million
(`--spans 20000000`) 30 ms and 150 ms. Log lines by their text.

The percentiles are of one caller over one connection, each asking for another id or value, after a warm-up.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice

from benchmarks.client import Client, Stopwatch
from benchmarks.generate import Load, drop_load, make_load
from benchmarks.ingest import settle
from benchmarks.options import Options, main
from benchmarks.report import Result, Row, progress
from benchmarks.sender import finish_sending, start_sending
from benchmarks.server import Server

SPANS, SPANS_QUICK = 1_000_000, 100_000
CHUNK = 1_000_000  # spans of one file: a larger load is made while the one before is sent
CONNECTIONS = 32
SETTLE_S = 45.0  # the service edges are computed every 30 s: not while questions are asked
HOUR_NS = 3600 * 10**9
WARM_UPS = 5
BY_ID, BY_ATTRIBUTE, AGGREGATES = 100, 60, 15
LARGE = 10_000_000  # spans from which the targets of 20 million hold
Sample = Sequence[str | int]

P95_BY_SERVICE = "SELECT service, quantile(0.95)(duration_ns) AS p95_ns FROM spans GROUP BY service"
LOGS_BY_MINUTE = "SELECT service, toStartOfMinute(time) AS minute, count() FROM logs GROUP BY service, minute"
LOGS_BY_PATTERN = (
    "SELECT service, toStartOfMinute(time) AS minute, count() FROM logs "
    "WHERE match(body, 'upstream=(basket|billing)') GROUP BY service, minute"
)


@dataclass(slots=True)
class Stored:
    """What was sent, and what can be asked for."""

    spans: int = 0
    lines: int = 0
    start_ns: int = 0
    end_ns: int = 0
    traces: list[Sample] = field(default_factory=list)
    log_lines: list[Sample] = field(default_factory=list)

    @property
    def between(self) -> dict[str, str | int]:
        """The parameters of a search over everything."""
        return {"start": min(self.start_ns, self.end_ns - HOUR_NS), "end": self.end_ns + 60 * 10**9}


@dataclass(frozen=True, slots=True)
class Question:
    """`ask` MUST raise when the answer is not what was stored. `targets`: of a million spans, and of 20 million."""

    measure: str
    times: int
    ask: Callable[[Client, Stored, Sample], None]
    targets: tuple[float | None, float | None] = (None, None)
    peers: str = ""
    about: str = "traces"


def run(options: Options) -> Result:
    """Measure the claim."""
    wanted = options.spans or (SPANS_QUICK if options.quick else SPANS)
    with Server() as server:
        stored = _store(server, wanted, 100_000 if options.quick else 1_000_000)
        settle(server, SETTLE_S)
        client = Client(server.http_port)
        rows = [row for question in QUESTIONS for row in _measure(client, stored, question, options.quick)]
        rows.append(Row("memory afterwards", server.memory().resident, "MiB", 1000))
        rows.append(Row("memory, peak of all", server.memory().peak, "MiB", 1000))
    name = f"queries_{wanted // 1_000_000}m" if wanted >= LARGE else "queries"
    return Result(name, f"{stored.spans:,} spans, {stored.lines:,} log lines", rows, options.quick)


def _store(server: Server, spans: int, lines: int) -> Stored:
    """Send logs, then spans in chunks: the next one is generated while one is sent."""
    stored = Stored()
    _send(server, make_load("logs", lines), stored)
    chunks = [min(CHUNK, spans - at) for at in range(0, spans, CHUNK)]
    with ProcessPoolExecutor(1) as generator:
        coming = generator.submit(make_load, "spans", chunks[0], 1)
        for number in range(len(chunks)):
            load = coming.result()
            if number + 1 < len(chunks):
                coming = generator.submit(make_load, "spans", chunks[number + 1], number + 2)
            _send(server, load, stored)
            if number:  # the first one is what other benchmarks use, too
                drop_load(load)
            progress(f"queries: {stored.spans:,} of {spans:,} spans stored", end=True)
    return stored


def _send(server: Server, load: Load, stored: Stored) -> None:
    signal = "logs" if load.kind == "logs" else "traces"
    finish_sending(start_sending(load.path, server.otlp_http_port, signal, CONNECTIONS))
    stored.start_ns = min(stored.start_ns or load.start_ns, load.start_ns)
    stored.end_ns = max(stored.end_ns, load.end_ns)
    if load.kind == "logs":
        stored.lines += load.items
        stored.log_lines += load.samples
    else:
        stored.spans += load.items
        stored.traces += load.samples


def _measure(client: Client, stored: Stored, question: Question, quick: bool) -> list[Row]:
    """p50 and p95; samples are spread over everything that was stored."""
    samples = stored.traces if question.about == "traces" else stored.log_lines
    times = question.times // 3 if quick else question.times
    step = max(1, len(samples) // (times + WARM_UPS))
    asked = list(islice(cycle(samples[::step]), times + WARM_UPS))
    watch = Stopwatch()
    progress(f"queries: {question.measure}")
    for number, sample in enumerate(asked):
        with watch if number >= WARM_UPS else Stopwatch():
            question.ask(client, stored, sample)
    target = question.targets[stored.spans >= LARGE]
    return [
        Row(f"{question.measure}, p50", watch.percentile_ms(0.5), "ms", target, question.peers),
        Row(f"{question.measure}, p95", watch.percentile_ms(0.95), "ms"),
    ]


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise RuntimeError(f"a wrong answer: {what}")


def _trace_by_id(client: Client, stored: Stored, sample: Sample) -> None:
    answer = client.get(f"/api/v1/traces/{sample[0]}")
    _expect(answer["trace_id"] == sample[0] and len(answer["spans"]) >= 1, f"trace {sample[0]}")


def _traces_by_user(client: Client, stored: Stored, sample: Sample) -> None:
    answer = client.get("/api/v1/traces", attr=f"user.id={sample[1]}", limit=20, **stored.between)
    _expect(sample[0] in [trace["trace_id"] for trace in answer["traces"]], f"traces of {sample[1]}")


def _traces_of_service(client: Client, stored: Stored, sample: Sample) -> None:
    answer = client.get("/api/v1/traces", service="billing", limit=20, **stored.between)
    _expect(len(answer["traces"]) == 20, "20 traces of a service")


def _traces_with_error(client: Client, stored: Stored, sample: Sample) -> None:
    answer = client.get("/api/v1/traces", status="error", limit=20, **stored.between)
    _expect(len(answer["traces"]) == 20, "20 traces with an error")


def _p95_by_sql(client: Client, stored: Stored, sample: Sample) -> None:
    _expect(len(client.sql(P95_BY_SERVICE)) == 8, "p95 of 8 services")


def _p95_by_rollup(client: Client, stored: Stored, sample: Sample) -> None:
    _expect(len(client.get("/api/v1/services", **stored.between)["services"]) == 8, "8 services")


def _logs_by_trace_id(client: Client, stored: Stored, sample: Sample) -> None:
    answer = client.get("/api/v1/logs", text=sample[0], **stored.between)
    _expect(len(answer["logs"]) == 1, f"the line with {sample[0]}")


def _logs_of_service(client: Client, stored: Stored, sample: Sample) -> None:
    answer = client.get("/api/v1/logs", service="billing", min_severity="error", limit=100, **stored.between)
    _expect(len(answer["logs"]) == 100, "100 errors of a service")


def _logs_by_minute(client: Client, stored: Stored, sample: Sample) -> None:
    counted = sum(row[2] for row in client.sql(LOGS_BY_MINUTE))
    _expect(counted == stored.lines, f"{counted} lines of {stored.lines}")


def _logs_by_pattern(client: Client, stored: Stored, sample: Sample) -> None:
    _expect(len(client.sql(LOGS_BY_PATTERN)) > 8, "lines of a pattern")


QUESTIONS = (
    Question("trace by id", BY_ID, _trace_by_id, (8, 30), "VictoriaTraces 5.2, Tempo 91"),
    Question("20 traces by user.id", BY_ATTRIBUTE, _traces_by_user, (10, 150), "VictoriaTraces 7.2, Tempo 115"),
    Question("20 traces of a service", AGGREGATES, _traces_of_service, peers="Tempo 23, VictoriaTraces 43"),
    Question("20 traces with an error", AGGREGATES, _traces_with_error, peers="VictoriaTraces 40, Tempo 44"),
    Question("p95 by service, SQL over spans", AGGREGATES, _p95_by_sql, (25, None), "VictoriaTraces 202, Tempo 482"),
    Question("p95 by service, /api/v1/services", AGGREGATES, _p95_by_rollup, (25, 25), "VictoriaTraces 202, Tempo 482"),
    Question("a trace id in the text of logs", BY_ATTRIBUTE, _logs_by_trace_id, peers="VictoriaLogs 5, Loki 1000",
             about="logs"),
    Question("last 100 errors of a service in logs", AGGREGATES, _logs_of_service, about="logs",
             peers="VictoriaLogs 17 to 31, Loki 13 to 45"),
    Question("log lines per service and minute, SQL", AGGREGATES, _logs_by_minute, about="logs",
             peers="VictoriaLogs 25, Loki 2100"),
    Question("the same of a regular expression, SQL", AGGREGATES, _logs_by_pattern, about="logs",
             peers="VictoriaLogs 100, Loki 1000 to 2080"),
)  # fmt: skip


if __name__ == "__main__":
    main(run, __doc__)
