"""One target: what it is asked, what its answers and failures become, and when."""

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, start_http_server

from tests.scraping.received import STALE, Received, read_requests
from tests.scraping.targets import ENDLESS, Serve, always, answer, run_target
from traceo.errors import BadData, Overloaded
from traceo.scraping.config import ScrapeConfig
from traceo.scraping.http_client import HttpConfig, Secret, make_client
from traceo.scraping.loop import ScrapeLoop, next_tick
from traceo.scraping.target import Target

AT = 1_795_633_795.0
Work = Callable[[ScrapeLoop], Awaitable[Any]]


def scrape(serve: Serve, work: Work, config: ScrapeConfig | None = None, timeout_s: float = 5) -> Received:
    """What is written while `work` goes on with a loop over a target that `serve` answers for."""
    written: list[bytes] = []

    async def write(body: bytes) -> None:
        written.append(body)

    async def run() -> None:
        used = config or ScrapeConfig("a")
        async with run_target(serve) as address, make_client(used.http, None) as client:
            target = Target(f"http://{address}/metrics", {"job": "a"}, {}, 15, timeout_s)
            await work(ScrapeLoop(used, target, client, write))

    asyncio.run(run())
    return read_requests(written)


async def once(loop: ScrapeLoop) -> None:
    await loop.scrape(AT)


def test_answer_is_written_with_the_scrapes_own_series() -> None:
    found = scrape(always(answer("a 1\nb 2\n")), once)
    duration = found.values.pop('scrape_duration_seconds{job="a"}')
    values = {series: value for series, value in found.values.items() if "duration" not in series}
    assert duration > 0
    assert values == {
        'a{job="a"}': 1, 'b{job="a"}': 2, 'up{job="a"}': 1, 'scrape_samples_scraped{job="a"}': 2,
        'scrape_samples_post_metric_relabeling{job="a"}': 2, 'scrape_series_added{job="a"}': 2,
    }  # fmt: skip
    assert {time for _, _, time in found.samples} == {int(AT * 1000)}


def test_request_says_what_prometheus_says() -> None:
    heads: list[str] = []

    async def serve(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head.decode())
        writer.write(answer("a 1\n"))

    http = HttpConfig(username=Secret("me"), password=Secret("secret"), headers=(("X-Scope-OrgID", Secret("team")),))
    scrape(serve, once, ScrapeConfig("a", http=http, enable_compression=False), timeout_s=2.5)
    lines = dict(line.split(": ", 1) for line in heads[0].lower().splitlines()[1:] if line)
    assert lines["x-prometheus-scrape-timeout-seconds"] == "2.5"
    assert lines["authorization"].startswith("basic ") and lines["x-scope-orgid"] == "team"
    assert lines["accept-encoding"] == "identity"
    assert lines["accept"] == (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;"
        "version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
    )


async def never(head: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(ENDLESS)
    while True:
        writer.write(b"a 1\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def flood(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(ENDLESS)
    while True:
        writer.write(b"# " + b"x" * 1_000_000 + b"\n")
        await writer.drain()


async def hang_up(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(ENDLESS + b"a 1\n")
    writer.close()


BOMB = gzip.compress(b"# " + b"x" * (64 << 20))
SMALL = ScrapeConfig("a", body_size_limit=10 << 20)
FAULTS: list[tuple[str, Serve, ScrapeConfig, str]] = [
    ("no answer", never, ScrapeConfig("a"), "no complete answer within 0.3 s"),
    ("a body that never ends", drip, ScrapeConfig("a"), "no complete answer within 0.3 s"),
    ("10 GB", flood, ScrapeConfig("a", body_size_limit=1 << 20), "body size limit exceeded: more than 1048576 bytes"),
    ("a bomb", always(answer(BOMB, more="Content-Encoding: gzip\r\n")), SMALL, "body size limit exceeded"),
    ("no gzip", always(answer("a 1", more="Content-Encoding: gzip\r\n")), SMALL, "invalid|incorrect header"),
    ("hung up", hang_up, ScrapeConfig("a"), "peer closed connection"),
    ("an error", always(answer("a 1", status="503 Busy")), ScrapeConfig("a"), "server returned HTTP status 503 Busy"),
    ("invalid UTF-8", always(answer(b'a{b="\xff"} 1')), ScrapeConfig("a"), "invalid UTF-8"),
    ("a page", always(answer("<html>", "text/html")), ScrapeConfig("a"), "content type 'text/html'"),
    ("no content type", always(answer("a 1", "")), ScrapeConfig("a"), "no content type"),
    ("no HTTP", always(b"SSH-2.0-OpenSSH\r\n\r\n"), ScrapeConfig("a"), "illegal status line"),
]  # fmt: skip


@pytest.mark.parametrize(("serve", "config", "error"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_fault_makes_the_target_down(serve: Serve, config: ScrapeConfig, error: str) -> None:
    loops: list[ScrapeLoop] = []

    async def work(loop: ScrapeLoop) -> None:
        loops.append(loop)
        await loop.scrape(AT)

    found = scrape(serve, work, config, timeout_s=5 if "limit" in error else 0.3)
    assert found.values['up{job="a"}'] == 0
    assert loops[0].health.health == "down"
    assert re.search(error, loops[0].health.error)


def test_fallback_protocol_reads_what_has_no_content_type() -> None:
    found = scrape(always(answer("a 1", "")), once, ScrapeConfig("a", fallback_protocol="PrometheusText0.0.4"))
    assert found.values['a{job="a"}'] == 1


def test_target_that_flaps_becomes_stale_each_time() -> None:
    answers = iter([answer("a 1\n"), answer("", status="500 No"), answer("", status="500 No"), answer("a 2\n")])

    async def serve(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))

    async def work(loop: ScrapeLoop) -> None:
        for _ in range(4):
            await loop.scrape(AT)

    found = scrape(serve, work)
    assert [value for series, value, _ in found.samples if series == 'a{job="a"}'] == [1, STALE, 2]
    assert [value for series, value, _ in found.samples if series == 'up{job="a"}'] == [1, 0, 0, 1]


def test_end_of_a_target_makes_all_its_series_stale() -> None:
    async def work(loop: ScrapeLoop) -> None:
        await loop.scrape(AT)
        await loop.write_end(AT + 15)

    found = scrape(always(answer("a 1\n")), work)
    assert len(found.values) == 6 and set(found.values.values()) == {STALE}


def test_too_many_samples_are_counted_and_not_stored() -> None:
    found = scrape(always(answer("a 1\nb 2\n")), once, ScrapeConfig("a", limits={"sample_limit": 1}))
    assert found.values['up{job="a"}'] == 0 and 'a{job="a"}' not in found.values
    assert found.values['scrape_samples_scraped{job="a"}'] == 2
    assert found.values['scrape_samples_post_metric_relabeling{job="a"}'] == 2


def test_problem_of_the_job_fails_each_scrape() -> None:
    async def work(loop: ScrapeLoop) -> None:
        loop.problem = "target_limit exceeded"
        await loop.scrape(AT)
        assert loop.health.error == "target_limit exceeded"

    assert scrape(never, work).values['up{job="a"}'] == 0


def test_busy_store_is_asked_again_and_a_refusal_is_not() -> None:
    answers: list[Exception | None] = [Overloaded("full", retry_after_s=0), None, BadData("never")]
    taken: list[bytes] = []

    async def write(body: bytes) -> None:
        error = answers.pop(0)
        if error:
            raise error
        taken.append(body)

    async def run() -> None:
        async with run_target(always(answer("a 1\n"))) as address, make_client(HttpConfig()) as client:
            loop = ScrapeLoop(ScrapeConfig("a"), Target(f"http://{address}/", {}, {}, 15, 5), client, write)
            await loop.scrape(1e12)  # far ahead, so that there is time to try again
            await loop.scrape(1e12)
            assert loop.health.health == "up"

    asyncio.run(run())
    assert len(taken) == 1 and answers == []


def test_targets_are_spread_over_their_interval_and_keep_their_moment() -> None:
    targets = [Target(f"http://host{n}/", {}, {}, 15, 5) for n in range(200)]
    ticks = [next_tick(target, AT) for target in targets]
    assert all(AT < tick <= AT + 15 for tick in ticks)
    assert len({int(tick) for tick in ticks}) == 15
    again = [next_tick(target, tick) - tick for target, tick in zip(targets, ticks, strict=True)]
    assert again == pytest.approx([15] * 200)


def test_client_library_of_python_is_scraped() -> None:
    registry = CollectorRegistry()
    Counter("hits", "Hits.", ["path"], registry=registry).labels('/"x"\n').inc(3, {"trace_id": "abc"})
    server, thread = start_http_server(0, "127.0.0.1", registry=registry)
    written: list[bytes] = []

    async def write(body: bytes) -> None:
        written.append(body)

    async def run() -> None:
        target = Target(f"http://127.0.0.1:{server.server_port}/metrics", {}, {}, 15, 5)
        async with make_client(HttpConfig()) as client:
            await ScrapeLoop(ScrapeConfig("a"), target, client, write).scrape(AT)

    try:
        asyncio.run(run())
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    found = read_requests(written)
    assert found.values['hits_total{path="/"x"\n"}'] == 3
    assert found.exemplars[0][1:3] == ('{trace_id="abc"}', 3)
    assert found.metadata["hits"] == (1, "Hits.", "")
