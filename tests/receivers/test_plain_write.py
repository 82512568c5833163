"""Requests of remote write with one sample a series: what is read out of them, and which labels are left out."""

import random

import pytest

from tests.receivers.prometheus_messages import MESSAGES, write_request
from tests.receivers.stubs import Bench, make_bench
from tests.receivers.test_remote_write import NOW_MS, TENANT, UP, bits, read, with_engine
from traceo.errors import DiskFull
from traceo.receivers.plain_write import Plain, PlainReader
from traceo.receivers.remote_write import write
from traceo.store.base import Outcome, Signal
from traceo.store.messages import make_messages
from traceo.store.series_ids import city_hash, series_ids

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("seed", range(20))
def test_plain_reader_takes_nothing_that_is_damaged(seed: int) -> None:
    """Whatever one byte becomes: a request that it takes has the shape of a plain one."""
    rnd = random.Random(seed)
    request = write_request(*(({**UP[0], "uid": f"{number}"}, [(rnd.random(), NOW_MS)]) for number in range(5)))
    body = request.SerializeToString()
    assert PlainReader().read(TENANT, body)
    for _ in range(200):
        damaged = bytearray(body)
        damaged[rnd.randrange(len(body))] = rnd.randrange(256)
        plain = PlainReader().read(TENANT, bytes(damaged))
        if plain is None:
            continue
        message = MESSAGES["WriteRequest"].FromString(bytes(damaged))
        assert all(len({label.name for label in one.labels}) == len(one.labels) == 4 for one in message.timeseries)
        values = b"".join(bits(one.samples[0].value) for one in message.timeseries)
        assert values in plain.body


PLAIN = make_messages("""
message Body { repeated bytes series = 1; repeated fixed64 times_ms = 2; repeated double values = 3;
    repeated fixed32 label_bytes = 4; repeated fixed64 known_ids = 5; repeated fixed64 known_times_ms = 6;
    repeated double known_values = 7; uint32 sent_bytes = 8; }
""")["Body"]


def plain_samples(plain: Plain | None) -> list[tuple[int, int, float]] | None:
    """Of every sample: its series' id, time and value."""
    if plain is None:
        return None
    body = PLAIN.FromString(plain.body)
    labels = [one[:size] for one, size in zip(body.series, body.label_bytes, strict=True)]
    ids = series_ids(TENANT, labels, map(city_hash, labels))
    new = zip(ids, body.times_ms, body.values, strict=True)
    return sorted([*new, *zip(body.known_ids, body.known_times_ms, body.known_values, strict=True)])


@pytest.mark.parametrize("seed", range(10))
def test_plain_reader_that_knows_series_judges_as_one_that_does_not(seed: int) -> None:
    """Whichever of the series come again, with whatever values, beside new ones, and whatever one byte becomes."""
    rnd = random.Random(seed)
    labels = [{**UP[0], "instance": f"{rnd.random()}", "uid": f"{number:08}"} for number in range(300)]
    knowing = PlainReader()
    first_read = knowing.read(
        TENANT, write_request(*((one, [(1.0, NOW_MS)]) for one in labels[:250])).SerializeToString()
    )
    assert first_read
    first_read.remember()
    for turn in range(20):
        first = rnd.randrange(200)
        is_zero = [rnd.random() < 0.1 for _ in range(100)]
        for _ in range(3):  # laid out alike: from the second time on it is known as a whole
            again = [
                (one, [(0.0 if zero else rnd.random(), NOW_MS + rnd.randrange(turn + 1))])
                for one, zero in zip(labels[first : first + 100], is_zero, strict=True)
            ]
            body = bytearray(write_request(*again).SerializeToString())
            known = knowing.read(TENANT, bytes(body))
            assert plain_samples(known) == plain_samples(PlainReader().read(TENANT, bytes(body)))
            assert known
            assert len(PLAIN.FromString(known.body).series) == max(0, first + 100 - 250)
            assert PLAIN.FromString(known.body).sent_bytes == len(body)
        body[rnd.randrange(len(body))] = rnd.randrange(256)
        for damaged in (bytes(body), bytes(body)):
            assert plain_samples(knowing.read(TENANT, damaged)) == plain_samples(PlainReader().read(TENANT, damaged))


NAMES = ("up", "n" * 127, "n" * 128, "n" * 300, "é" * 60, "__name__", "a b")


def test_known_series_have_the_ids_that_the_engine_gives() -> None:
    """Sent with labels, and then without: one row of labels, two samples, the same id."""

    async def work(bench: Bench, tenant: str) -> None:
        series = [
            {"__name__": name, "job": "x" * size, **more}
            for name in NAMES
            for size in (1, 7, 9, 17, 33, 65, 200)
            for more in ({}, {"Early": "__name__ \x12"})
        ]
        for turn in range(3):
            sent = write_request(*((labels, [(float(turn), NOW_MS + turn)]) for labels in series))
            assert (await write(bench.ingest, tenant, sent.SerializeToString())) == Outcome()
        labelled = "sum(series_id IN (SELECT series_id FROM label_sets)) AS labelled"
        counts = f"uniqExact(series_id) AS ids, count() AS samples, {labelled}"
        (row,) = await read(f"SELECT {counts} FROM samples WHERE tenant = {{tenant:String}}", tenant)
        assert row == {"ids": len(series), "samples": 3 * len(series), "labelled": 3 * len(series)}
        sums = "sum(items) AS items, sum(bytes) AS bytes, min(oldest_ms) AS oldest_ms"
        (row,) = await read(f"SELECT {sums} FROM usage WHERE tenant = {{tenant:String}}", tenant)
        assert row["oldest_ms"] == NOW_MS
        assert row["items"] == 3 * len(series)
        assert row["bytes"] > 3 * 100 * len(series)

    with_engine(work)


async def test_labels_are_left_out_only_after_they_were_stored_and_for_their_tenant() -> None:
    bench = make_bench()
    body = write_request(UP).SerializeToString()

    async def sends_labels(tenant: str = TENANT) -> bool:
        bench.store.blocks.clear()
        await write(bench.ingest, tenant, body)
        (request,) = bench.store.stored
        return bool(PLAIN.FromString(request.body).series)

    bench.store.fail_with = DiskFull("no space")
    with pytest.raises(DiskFull):
        await write(bench.ingest, TENANT, body)
    bench.store.fail_with = None
    assert [await sends_labels() for _ in range(2)] == [True, False]
    assert await sends_labels("another")
    bench.ingest.plain_reader.forget()
    assert await sends_labels()


def test_labels_are_sent_again_in_each_quarter_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine notes series by day."""
    reader, body = PlainReader(), write_request(UP).SerializeToString()
    sent = []
    for seconds in (899, 899, 900, 900):
        monkeypatch.setattr("traceo.receivers.plain_write.time.time", lambda seconds=seconds: seconds)
        plain = reader.read(TENANT, body)
        assert plain
        sent.append(len(PLAIN.FromString(plain.body).series))
        plain.remember()
    assert sent == [1, 0, 1, 0]


async def test_only_samples_are_plain() -> None:
    bench = make_bench()
    request = write_request(UP)
    request.metadata.add(metric_family_name="up")
    exemplar = write_request(UP)
    exemplar.timeseries[0].exemplars.add(value=1.0, timestamp=NOW_MS)
    for one in (request, exemplar, write_request()):
        assert bench.ingest.plain_reader.read(TENANT, one.SerializeToString()) is None
    assert Signal.PLAIN_WRITE.inlet == "plain_write"


async def test_large_plain_request_is_plain_too() -> None:
    bench = make_bench()
    series = [({**UP[0], "uid": f"{number}" * 20}, [(1.0, NOW_MS)]) for number in range(8000)]
    body = write_request(*series).SerializeToString()
    assert len(body) > 1 << 20
    assert await write(bench.ingest, "team", body) == Outcome()
    assert bench.store.stored[0].body.startswith(body)
    assert len(bench.store.stored[0].body) > len(body)
