"""Remote write over HTTP as its specification has it; what is stored equals what was sent, through the real engine."""

import asyncio
import random
import secrets
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import cramjam
import httpx
import pytest

from tests.query.engine import engine
from tests.receivers.prometheus_messages import MESSAGES, to_version_2, write_request
from tests.receivers.stubs import BAD, Bench, make_bench
from traceo.errors import DiskFull, StoreUnavailable
from traceo.receivers.plain_write import PlainReader
from traceo.receivers.remote_write import PATH, with_remote_write, write
from traceo.store.base import Outcome
from traceo.store.metric_types import NAME_BITS

pytestmark = pytest.mark.anyio

TENANT = "team"
NOW_MS = 1_790_000_000_000
V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
UP = ({"__name__": "up", "job": "node", "instance": "a:9100"}, [(1.0, NOW_MS)])
STALE = struct.unpack("<d", (0x7FF0000000000002).to_bytes(8, "little"))[0]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def nowhere(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def post(bench: Bench, body: bytes, method: str = "POST", **headers: str) -> httpx.Response:
    """`content_encoding="zstd"` becomes a header; an empty one is not sent."""
    sent = {"content-encoding": "snappy", "content-type": "application/x-protobuf", "x-scope-orgid": "team"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    transport = httpx.ASGITransport(with_remote_write(nowhere, bench.ingest))
    async with httpx.AsyncClient(transport=transport, base_url="http://traceo") as client:
        return await client.request(
            method, PATH, content=body, headers={name: value for name, value in sent.items() if value}
        )


def snappy(message: Any) -> bytes:
    body = message if isinstance(message, bytes) else message.SerializeToString()
    return bytes(cramjam.snappy.compress_raw(body))


async def test_plain_request_is_answered_with_204_and_nothing() -> None:
    bench = make_bench()
    answer = await post(bench, snappy(write_request(UP)))
    assert (answer.status_code, answer.content) == (204, b"")
    (request,) = bench.store.stored
    assert request.tenant == "team"
    assert request.body.startswith(write_request(UP).SerializeToString())


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"\xff\xff not snappy", {}, 400, "not valid snappy"),
        (bytes(cramjam.snappy.compress_raw(bytes(2 << 20))), {}, 413, "larger than 1048576 bytes"),
        (b"", {"method": "GET"}, 405, "Method Not Allowed"),
        (snappy(b""), {"content_type": "text/plain"}, 415, "must be application/x-protobuf"),
        (
            snappy(b""),
            {"content_type": "application/x-protobuf;proto=some.Other"},
            415,
            "'some.Other' is not supported",
        ),
        (snappy(b""), {"content_encoding": "br"}, 415, "'br' is not supported"),
        (snappy(b"\x2a\xff"), {"content_type": V2}, 400, "no remote write request"),
        (snappy(BAD), {}, 400, "cannot decode"),
        (snappy(b""), {"authorization": "Bearer wrong"}, 401, "the token is unknown"),
        (snappy(b""), {"authorization": "Bearer reader"}, 403, "does not have the scope ingest"),
    ],
    ids=["snappy", "bomb", "method", "content type", "message", "encoding", "cut", "bytes", "token", "scope"],
)
async def test_what_a_retry_cannot_mend_is_a_4xx(body: bytes, headers: dict[str, str], status: int, words: str) -> None:
    answer = await post(make_bench(max_decompressed=1 << 20), body, **headers)
    assert answer.status_code == status
    assert words in answer.text
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("error", [StoreUnavailable("not there"), DiskFull("no space")], ids=["store", "disk"])
async def test_what_may_pass_is_a_503_that_says_when(error: Exception) -> None:
    bench = make_bench()
    bench.store.fail_with = error
    answer = await post(bench, snappy(write_request(UP)))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


async def test_full_buffer_is_a_503_because_senders_drop_at_429() -> None:
    bench = make_bench()
    bench.budget.used = bench.budget.max_bytes
    answer = await post(bench, snappy(write_request(UP)))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize(
    ("headers", "compress"),
    [
        ({"content_encoding": "zstd"}, lambda body: bytes(cramjam.zstd.compress(body))),
        ({"content_encoding": "gzip"}, lambda body: bytes(cramjam.gzip.compress(body))),
        ({"content_encoding": "identity"}, lambda body: body),
        ({"content_encoding": "", "content_type": ""}, snappy),
        ({"content_type": "application/x-protobuf; proto=prometheus.WriteRequest"}, snappy),
    ],
    ids=["zstd", "gzip", "identity", "nothing said", "version 1 said"],
)
async def test_every_encoding_is_read(headers: dict[str, str], compress: Callable[[bytes], bytes]) -> None:
    bench = make_bench()
    answer = await post(bench, compress(write_request(UP).SerializeToString()), **headers)
    assert answer.status_code == 204
    assert len(bench.store.stored) == 1


async def test_other_paths_are_the_apis() -> None:
    transport = httpx.ASGITransport(with_remote_write(nowhere, make_bench().ingest))
    async with httpx.AsyncClient(transport=transport, base_url="http://traceo") as client:
        assert (await client.get("/prometheus/api/v1/query")).status_code == 404


def random_request(rnd: random.Random) -> Any:
    """Series of all sizes, with samples, histograms and exemplars; each sample has a time of its own."""
    request, clock = MESSAGES["WriteRequest"](), iter(range(NOW_MS, NOW_MS + 10**6, 15))
    for number in range(rnd.randrange(1, 40)):
        one = request.timeseries.add()
        names = {"__name__", *(f"{rnd.choice('abzAZ_')}{rnd.randrange(10 ** rnd.randrange(1, 20))}" for _ in range(5))}
        for name in sorted(names):
            one.labels.add(name=name, value=f"{number} é\n" + "v" * rnd.choice((0, 1, 60, 120, 130, 300)))
        for _ in range(rnd.randrange(3)):
            value = rnd.choice((0.0, -0.0, 1.5, float(2**53), -1e300, float("inf"), STALE, rnd.random()))
            one.samples.add(value=value, timestamp=next(clock))
        for _ in range(rnd.randrange(2)):
            add_histogram(one, rnd, next(clock))
        for _ in range(rnd.randrange(2)):
            exemplar = one.exemplars.add(value=rnd.random(), timestamp=next(clock))
            exemplar.labels.add(name="trace_id", value=f"{rnd.randrange(16**32):032x}")
    return request


def add_histogram(series: Any, rnd: random.Random, timestamp: int) -> None:
    histogram = series.histograms.add(sum=rnd.random(), schema=rnd.choice((-4, 0, 3, 8)), timestamp=timestamp)
    histogram.zero_threshold, histogram.reset_hint = 1e-128, rnd.randrange(4)
    lengths = [rnd.randrange(3) for _ in range(rnd.randrange(3))]
    for spans in (histogram.positive_spans, histogram.negative_spans):
        for place, length in enumerate(lengths):
            spans.add(offset=rnd.randrange(5) - (3 if place == 0 else 0), length=length)
    if rnd.random() < 0.5:
        histogram.count_int, histogram.zero_count_int = rnd.randrange(10**6), rnd.randrange(10)
        histogram.positive_deltas.extend(rnd.randrange(10) for _ in range(sum(lengths)))
        histogram.negative_deltas.extend(rnd.randrange(10) for _ in range(sum(lengths)))
    else:
        histogram.count_float, histogram.zero_count_float = rnd.random(), rnd.random()
        histogram.positive_counts.extend(rnd.random() for _ in range(sum(lengths)))
        histogram.negative_counts.extend(rnd.random() for _ in range(sum(lengths)))


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def labels_of(series: Any) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((label.name, label.value) for label in series.labels))


def buckets(spans: Any, deltas: Any, counts: Any) -> list[tuple[int, float]]:
    """Buckets by index, from a histogram as it was sent."""
    indexes, at = [], 0
    for span in spans:
        at += span.offset
        indexes += range(at, at + span.length)
        at += span.length
    total, absolute = 0, []
    for delta in deltas:
        total += delta
        absolute.append(float(total))
    return list(zip(indexes, [*absolute, *counts], strict=True))


def sent_points(request: Any) -> tuple[set[Any], set[Any], set[Any]]:
    samples, histograms, exemplars = set(), set(), set()
    for one in request.timeseries:
        labels = labels_of(one)
        samples |= {(labels, sample.timestamp, bits(sample.value)) for sample in one.samples}
        for histogram in one.histograms:
            is_float = histogram.HasField("count_float")
            count = histogram.count_float if is_float else float(histogram.count_int)
            positive = buckets(histogram.positive_spans, histogram.positive_deltas, histogram.positive_counts)
            negative = buckets(histogram.negative_spans, histogram.negative_deltas, histogram.negative_counts)
            shape = (histogram.schema, histogram.reset_hint, histogram.sum)
            histograms.add((labels, histogram.timestamp, is_float, count, shape, str(positive), str(negative)))
        for exemplar in one.exemplars:
            exemplars.add((labels, exemplar.timestamp, exemplar.value, bytes.fromhex(exemplar.labels[0].value)))
    return samples, histograms, exemplars


async def read(sql: str, tenant: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await engine().query(sql, {"tenant": tenant})).to_pylist(maps_as_pydicts="strict")
    return rows


def shown_labels(row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({**row["labels"], "__name__": row["metric"]}.items()))


LABELS = "(SELECT series_id, kind, metric, labels FROM label_sets WHERE tenant = {tenant:String} LIMIT 1 BY series_id)"


async def stored_points(tenant: str) -> tuple[set[Any], set[Any], set[Any]]:
    time = "toUnixTimestamp64Milli(time) AS ms"
    samples = await read(f"SELECT *, {time}, value FROM samples JOIN {LABELS} AS l USING series_id", tenant)
    columns = f"*, {time}, reset_hint::Int8 AS hint"
    histograms = await read(f"SELECT {columns} FROM native_histograms JOIN {LABELS} AS l USING series_id", tenant)
    exemplars = await read(f"SELECT *, {time} FROM exemplars JOIN {LABELS} AS l USING series_id", tenant)
    assert {row["kind"] for row in histograms} <= {1}
    return (
        {(shown_labels(row), row["ms"], bits(row["value"])) for row in samples},
        {
            (
                shown_labels(row), row["ms"], row["is_float"], row["count"], (row["schema"], row["hint"], row["sum"]),
                str(list(zip(row["positive_indexes"], row["positive_counts"], strict=True))),
                str(list(zip(row["negative_indexes"], row["negative_counts"], strict=True))),
            )
            for row in histograms
        },
        {(shown_labels(row), row["ms"], row["value"], row["trace_id"]) for row in exemplars},
    )  # fmt: skip


def with_engine(work: Callable[[Bench, str], Awaitable[None]]) -> None:
    tenant = f"written-{secrets.token_hex(4)}"
    asyncio.run(work(make_bench(store=engine()), tenant))


@pytest.mark.parametrize("version", [1, 2])
def test_random_requests_are_stored_as_they_were_sent(version: int) -> None:
    async def work(bench: Bench, tenant: str) -> None:
        requests = [random_request(random.Random(seed)) for seed in range(12)]
        sent = [to_version_2(request) if version == 2 else request for request in requests]
        outcomes = [write(bench.ingest, tenant, request.SerializeToString(), version) for request in sent]
        assert await asyncio.gather(*outcomes) == [Outcome()] * len(sent)
        expected = [set().union(*points) for points in zip(*map(sent_points, requests), strict=True)]
        assert list(await stored_points(tenant)) == expected

    with_engine(work)


def test_a_series_is_the_same_on_every_way_in() -> None:
    """Plain, with a sample more, unordered, with an empty label, and in version 2.0."""

    async def work(bench: Bench, tenant: str) -> None:
        labels = {"__name__": "up", "job": "node", "long": "x" * 200, "z": "é"}
        plain = write_request((labels, [(1.0, NOW_MS)]))
        two = write_request((labels, [(1.0, NOW_MS + 1), (0.0, NOW_MS + 2)]))
        mixed = write_request(({**labels, "empty": ""}, [(1.0, NOW_MS + 3)]))
        mixed.timeseries[0].labels.reverse()
        for request, version in ((plain, 1), (two, 1), (mixed, 1), (to_version_2(plain), 2)):
            await write(bench.ingest, tenant, request.SerializeToString(), version)
        assert PlainReader().read(TENANT, plain.SerializeToString())
        assert not PlainReader().read(TENANT, mixed.SerializeToString())
        (row,) = await read("SELECT uniqExact(series_id) AS n FROM samples WHERE tenant = {tenant:String}", tenant)
        assert row["n"] == 1
        (row,) = await read("SELECT metric, labels FROM label_sets FINAL WHERE tenant = {tenant:String}", tenant)
        assert shown_labels(row) == tuple(sorted(labels.items()))

    with_engine(work)


@pytest.mark.parametrize("name", ["up", "n" * 127, "n" * 128, "n" * 300], ids=len)
def test_series_of_one_metric_lie_together_whatever_else_they_say(name: str) -> None:
    """The first bits of an id are the metric's; so are those of native histograms, in either lane."""

    async def work(bench: Bench, tenant: str) -> None:
        labels = [{"__name__": name, "job": f"{n}", **({"Early": "x"} if n % 2 else {})} for n in range(20)]
        plain = write_request(*((one, [(1.0, NOW_MS)]) for one in labels[:10]))
        judged = write_request(*((one, [(1.0, NOW_MS), (2.0, NOW_MS + 1)]) for one in labels[10:]))
        for series in judged.timeseries:
            add_histogram(series, random.Random(1), NOW_MS)
        for request in (plain, judged):
            await write(bench.ingest, tenant, request.SerializeToString(), 1)
        for table, count in (("samples", 20), ("native_histograms", 10)):
            columns = f"uniqExact(bitShiftRight(series_id, {64 - NAME_BITS})) AS starts, uniqExact(series_id) AS ids"
            (row,) = await read(f"SELECT {columns} FROM {table} WHERE tenant = {{tenant:String}}", tenant)
            assert row == {"starts": 1, "ids": count}

    with_engine(work)


def labels_only(*pairs: tuple[str, str]) -> Any:
    request = write_request(UP, ({}, [(1.0, NOW_MS), (2.0, NOW_MS + 1)]))
    for name, value in pairs:
        request.timeseries[1].labels.add(name=name, value=value)
    return request


NAMED = ("__name__", "up")


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (labels_only(("job", "node")), "no metric name"),
        (labels_only(NAMED, ("a", "1"), ("a", "1")), "the label a comes twice"),
        (labels_only(NAMED, ("", "1")), "a label has no name"),
        (labels_only(NAMED, ("n" * 1025, "1")), "name is longer than 1024"),
        (labels_only(NAMED, ("a", "v" * (1 << 20))), "value is longer than 65535"),
        (write_request(UP, (UP[0], [(1.0, 1 << 62), (1.0, -(1 << 62))])), "out of range"),
    ],
    ids=["no name", "twice", "nameless label", "long name", "long value", "time"],
)
@pytest.mark.parametrize("version", [1, 2])
def test_bad_series_are_refused_and_the_others_stored(request_: Any, words: str, version: int) -> None:
    async def work(bench: Bench, tenant: str) -> None:
        sent = to_version_2(request_) if version == 2 else request_
        answer = await post(
            bench, snappy(sent), x_scope_orgid=tenant, content_type=V2 if version == 2 else "application/x-protobuf"
        )
        assert answer.status_code == 400
        assert "2 items of the request were refused" in answer.text
        assert words in answer.text
        if version == 2:
            written = [
                answer.headers[f"x-prometheus-remote-write-{kind}-written"] for kind in ("samples", "histograms")
            ]
            assert written == ["1", "0"]
        (row,) = await read("SELECT count() AS n FROM samples WHERE tenant = {tenant:String}", tenant)
        assert row["n"] == 1

    with_engine(work)


def test_invalid_utf8_and_unknown_symbols_are_refused() -> None:
    async def work(bench: Bench, tenant: str) -> None:
        body = write_request(UP).SerializeToString().replace(b"node", b"no\xffe")
        outcome = await write(bench.ingest, tenant, body)
        assert (outcome.rejected, outcome.reason) == (1, "a label is no UTF-8")
        request = to_version_2(write_request(UP))
        request.timeseries[0].labels_refs[1] = 99
        outcome = await write(bench.ingest, tenant, request.SerializeToString(), 2)
        assert "symbols that the request does not have" in outcome.reason

    with_engine(work)


def test_metadata_of_both_versions_is_kept() -> None:
    async def work(bench: Bench, tenant: str) -> None:
        request = MESSAGES["WriteRequest"]()
        request.metadata.add(type=1, metric_family_name="requests_total", help="All requests.", unit="")
        await write(bench.ingest, tenant, request.SerializeToString())
        second = to_version_2(write_request(({"__name__": "latency_seconds_sum"}, [(1.0, NOW_MS)])))
        second.symbols.extend(["How long.", "seconds"])
        second.timeseries[0].metadata.type, second.timeseries[0].created_timestamp = 3, NOW_MS - 1000
        second.timeseries[0].metadata.help_ref = len(second.symbols) - 2
        second.timeseries[0].metadata.unit_ref = len(second.symbols) - 1
        await write(bench.ingest, tenant, second.SerializeToString(), 2)
        sql = (
            "SELECT metric, type, unit, description FROM metric_metadata WHERE tenant = {tenant:String} ORDER BY metric"
        )
        assert [tuple(row.values()) for row in await read(sql, tenant)] == [
            ("latency_seconds", 103, "seconds", "How long."),
            ("requests_total", 101, "", "All requests."),
        ]
        (row,) = await read("SELECT start_time_ns AS n FROM samples WHERE tenant = {tenant:String}", tenant)
        assert row["n"] == (NOW_MS - 1000) * 10**6

    with_engine(work)
