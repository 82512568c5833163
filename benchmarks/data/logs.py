"""Log lines of 24 streams, 171 bytes a line: 50 % access log, 30 % JSON, 15 % logfmt, 5 % errors."""

import random
from collections.abc import Iterator

from cramjam import snappy

from benchmarks.data import SERVICES, USERS, Keep
from benchmarks.data.wire import block, pack_fixed64, resource, tag_fixed64, text, whole

PER_REQUEST = 1000
STREAMS = tuple(
    (service, f"{service}-6c8d7f5b9-{letter}{n}k") for n, service in enumerate(SERVICES) for letter in "abc"
)
STATUS = (200, 200, 200, 200, 304, 404, 500)
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
SAMPLED_LINES = 0.002  # share of lines whose trace id is kept for the query benchmarks
TIME, OBSERVED = tag_fixed64(1), tag_fixed64(11)
SEVERITY = {name: whole(2, number) + text(3, name) for name, number in (("DEBUG", 5), ("INFO", 9), ("ERROR", 17))}
SCOPE = block(1, b"")


def logs(items: int, start_ns: int, end_ns: int, seed: int, keep: Keep) -> Iterator[bytes]:
    """ExportLogsServiceRequest bodies of PER_REQUEST lines; `keep` gets [trace id, time] of some lines."""
    rnd = random.Random(seed)
    heads = [_resource(service, pod) for service, pod in STREAMS]
    requests = items // PER_REQUEST
    for number in range(requests):
        at = start_ns + (end_ns - start_ns) * number // requests
        yield _request(rnd, heads, at, keep)


def loki(items: int, start_ns: int, end_ns: int, seed: int, keep: Keep) -> Iterator[bytes]:
    """The same lines as compressed bodies of Loki's push; their level is only in the line, as an agent leaves it."""
    rnd = random.Random(seed)
    labels = [
        text(1, f'{{service="{service}", namespace="shop-prod", pod="{pod}", container="{service}", env="production"}}')
        for service, pod in STREAMS
    ]
    requests = items // PER_REQUEST
    for number in range(requests):
        at = start_ns + (end_ns - start_ns) * number // requests
        made: dict[int, list[bytes]] = {}
        for place in range(PER_REQUEST):
            time_ns, trace_id = at + place * 1000, rnd.randbytes(16).hex()
            _, line = _line(rnd, trace_id)
            if trace_id in line and rnd.random() < SAMPLED_LINES:
                keep([trace_id, time_ns])
            stamp = block(1, whole(1, time_ns // 10**9) + whole(2, time_ns % 10**9))
            made.setdefault(rnd.randrange(len(labels)), []).append(block(2, stamp + text(2, line)))
        body = b"".join(block(1, labels[stream] + b"".join(rows)) for stream, rows in made.items())
        yield bytes(snappy.compress_raw(body))


def _request(rnd: random.Random, heads: list[bytes], at_ns: int, keep: Keep) -> bytes:
    made: dict[int, list[bytes]] = {}
    for place in range(PER_REQUEST):
        time_ns = at_ns + place * 1000
        trace_id = rnd.randbytes(16).hex()
        severity, line = _line(rnd, trace_id)
        if trace_id in line and rnd.random() < SAMPLED_LINES:
            keep([trace_id, time_ns])
        stamp = pack_fixed64(time_ns)
        record = TIME + stamp + SEVERITY[severity] + block(5, text(1, line)) + OBSERVED + stamp
        made.setdefault(rnd.randrange(len(heads)), []).append(block(2, record))
    return b"".join(block(1, heads[stream] + block(2, SCOPE + b"".join(rows))) for stream, rows in made.items())


def _line(rnd: random.Random, trace_id: str) -> tuple[str, str]:
    draw = rnd.random()
    if draw < 0.5:
        return "INFO", _access(rnd)
    if draw < 0.8:
        return "INFO", (
            f'{{"level":"info","msg":"invoice written","invoice":"{rnd.randrange(10**9)}",'
            f'"user_id":"user-{rnd.randrange(USERS)}","amount":{rnd.randrange(100_000) / 100},"currency":"EUR",'
            f'"duration_ms":{rnd.randrange(2000)},"trace_id":"{trace_id}"}}'
        )
    if draw < 0.95:
        return "DEBUG", (
            f'level=debug caller=store.go:{rnd.randrange(400)} msg="cache lookup" key=article:{rnd.randrange(100_000)} '
            f"hit={rnd.choice(('true', 'false'))} took={rnd.randrange(900)}us traceID={trace_id}"
        )
    return "ERROR", (
        f'level=error caller=remote.go:{rnd.randrange(400)} msg="call to upstream failed" '
        f'upstream={rnd.choice(SERVICES)} err="context deadline exceeded (timeout while waiting for response headers)" '
        f"attempt={rnd.randrange(5)} traceID={trace_id}"
    )


def _access(rnd: random.Random) -> str:
    address = ".".join(str(rnd.randrange(1, 255)) for _ in range(4))
    return (
        f'{address} - user-{rnd.randrange(USERS)} "{rnd.choice(("GET", "GET", "POST"))} /api/v1/{rnd.choice(SERVICES)}/'
        f'{rnd.randrange(100_000)}?page={rnd.randrange(20)} HTTP/1.1" {rnd.choice(STATUS)} {rnd.randrange(60_000)} '
        f'"https://shop.example.com/" "{AGENT}" rt={rnd.random():.3f}'
    )


def _resource(service: str, pod: str) -> bytes:
    return resource({
        "service.name": service, "k8s.namespace.name": "shop-prod", "k8s.pod.name": pod,
        "k8s.container.name": service, "deployment.environment": "production",
    })  # fmt: skip
