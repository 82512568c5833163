"""Spans: traces of 6 to 25 spans from 8 services with 3 pods each; 436 bytes a span, 2 % errors with an exception."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.data import ROUTES, SERVICES, USERS, Keep
from benchmarks.data.wire import attribute, block, fixed_attribute, pack_fixed64, resource, tag_fixed64, text, whole

PER_REQUEST = 500
TRACE_SIZES = (6, 9, 12, 18, 25)
PODS = 3
SAMPLED_TRACES = 0.02  # share of traces whose id and user are kept for the query benchmarks
STATEMENTS = (
    "SELECT sku, title, price_cents FROM articles WHERE shelf = $1 LIMIT 50",
    "UPDATE baskets SET changed_at = now() WHERE id = $1",
    "INSERT INTO invoices (account_id, cents, state) VALUES ($1, $2, $3)",
    "SELECT * FROM accounts WHERE mail = $1",
)
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0"
SCOPE = block(1, text(1, "opentelemetry.instrumentation.asgi") + text(2, "0.48b0"))
START, END = tag_fixed64(7), tag_fixed64(8)
CLIENT, SERVER = 3, 2
A = 9  # Span.attributes


@dataclass(slots=True)
class Trace:
    """One trace while its spans are made."""

    trace_id: bytes
    user: str
    start_ns: int
    duration_ns: int
    size: int
    span_ids: list[bytes] = field(default_factory=list)


def spans(items: int, start_ns: int, end_ns: int, seed: int, keep: Keep) -> Iterator[bytes]:
    """ExportTraceServiceRequest bodies of PER_REQUEST spans; `keep` gets [trace id, user, start] of some traces."""
    rnd = random.Random(seed)
    heads = _resources(random.Random(0))
    requests = items // PER_REQUEST
    for number in range(requests):
        at = start_ns + (end_ns - start_ns) * number // requests
        yield _request(rnd, heads, at, keep)


def _request(rnd: random.Random, heads: dict[tuple[str, int], bytes], at_ns: int, keep: Keep) -> bytes:
    made: dict[tuple[str, int], list[bytes]] = {}
    left = PER_REQUEST
    while left:
        trace = Trace(
            trace_id=rnd.randbytes(16),
            user=f"user-{rnd.randrange(USERS)}",
            start_ns=at_ns + rnd.randrange(2 * 10**9),
            duration_ns=int(rnd.lognormvariate(17.5, 1.0)),
            size=min(rnd.choice(TRACE_SIZES), left),
        )
        for place in range(trace.size):
            service = SERVICES[0] if place == 0 else rnd.choice(SERVICES[1:])
            made.setdefault((service, rnd.randrange(PODS)), []).append(_span(rnd, trace, place, service))
        left -= trace.size
        if rnd.random() < SAMPLED_TRACES:
            keep([trace.trace_id.hex(), trace.user, trace.start_ns])
    return b"".join(block(1, heads[pod] + block(2, SCOPE + b"".join(rows))) for pod, rows in made.items())


def _span(rnd: random.Random, trace: Trace, place: int, service: str) -> bytes:
    """Durations halve with each span, down to 1/64 of the trace's and 20 us."""
    span_id = rnd.randbytes(8)
    parent = block(4, rnd.choice(trace.span_ids)) if trace.span_ids else b""
    trace.span_ids.append(span_id)
    duration = max(20_000, trace.duration_ns >> min(place, 6))
    start = trace.start_ns + trace.duration_ns * place // (2 * trace.size)
    draw = rnd.random()
    if place and draw < 0.25:
        what = _database_call(rnd, service)
    else:
        what = _http_call(rnd, service, trace.user, SERVER if draw < 0.75 else CLIENT, start + duration)
    times = START + pack_fixed64(start) + END + pack_fixed64(start + duration)
    return block(2, block(1, trace.trace_id) + block(2, span_id) + parent + times + what)


def _database_call(rnd: random.Random, service: str) -> bytes:
    statement = rnd.choice(STATEMENTS)
    return b"".join((
        text(5, "SELECT shop"), whole(6, CLIENT),
        fixed_attribute(A, "db.system", "postgresql"), fixed_attribute(A, "db.name", "shop"),
        fixed_attribute(A, "db.user", service), fixed_attribute(A, "db.statement", statement),
        fixed_attribute(A, "db.operation", statement.split(" ", 1)[0]),
        fixed_attribute(A, "net.peer.name", "pg-main.shop-prod.svc"), fixed_attribute(A, "net.peer.port", 5432),
        fixed_attribute(A, "thread.id", rnd.randrange(64)),
    ))  # fmt: skip


def _http_call(rnd: random.Random, service: str, user: str, kind: int, end_ns: int) -> bytes:
    route = rnd.choice(ROUTES[service])
    method = "GET" if rnd.random() < 0.7 else "POST"
    draw = rnd.random()
    code = 500 if draw < 0.02 else 404 if draw < 0.05 else 200
    target = route.replace("{id}", str(rnd.randrange(100_000)))
    return b"".join((
        text(5, f"{method} {route}"), whole(6, kind),
        fixed_attribute(A, "http.method", method), fixed_attribute(A, "http.route", route),
        attribute(A, "http.target", target), fixed_attribute(A, "http.status_code", code),
        fixed_attribute(A, "http.scheme", "http"), fixed_attribute(A, "http.user_agent", AGENT),
        fixed_attribute(A, "net.host.name", f"{service}.shop-prod.svc"), attribute(A, "user.id", user),
        attribute(A, "http.response_content_length", rnd.randrange(200, 60_000)),
        _exception(rnd, end_ns) if code == 500 else b"",
    ))  # fmt: skip


def _exception(rnd: random.Random, at_ns: int) -> bytes:
    event = b"".join((
        tag_fixed64(1), pack_fixed64(at_ns), text(2, "exception"), fixed_attribute(3, "exception.type", "TimeoutError"),
        fixed_attribute(3, "exception.message", f"no answer from {rnd.choice(SERVICES)} within 3000 ms"),
    ))  # fmt: skip
    return block(11, event) + block(15, text(2, "internal error") + whole(3, 2))


def _resources(rnd: random.Random) -> dict[tuple[str, int], bytes]:
    """14 attributes for each pod; the same pods for every seed."""
    heads = {}
    for number, service in enumerate(SERVICES):
        for pod in range(PODS):
            name = f"{service}-{rnd.randrange(16**9):09x}-{rnd.randrange(16**5):05x}"
            heads[service, pod] = resource({
                "service.name": service, "service.version": f"1.{number}.7", "service.namespace": "shop",
                "deployment.environment": "production", "k8s.namespace.name": "shop-prod", "k8s.pod.name": name,
                "k8s.node.name": f"ip-10-0-{(number + pod) % 4}-17.eu-west-1.compute.internal",
                "k8s.deployment.name": service, "k8s.container.name": service, "host.name": name,
                "cloud.region": "eu-west-1", "telemetry.sdk.name": "opentelemetry",
                "telemetry.sdk.language": "python", "telemetry.sdk.version": "1.27.0",
            })  # fmt: skip
    return heads
