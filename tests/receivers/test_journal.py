import asyncio
import contextlib
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.receivers.stubs import BAD, StubStore
from traceo.errors import BadData, StoreUnavailable
from traceo.receivers.batch import Batcher
from traceo.receivers.budget import IngestBudget
from traceo.receivers.journal import Journal
from traceo.receivers.verify import is_certain
from traceo.store.base import Batch, Outcome, Request, Signal
from traceo.telemetry import make_metrics


def spans(*ids: tuple[bytes, bytes], name: str = "") -> bytes:
    message = ExportTraceServiceRequest()
    for trace_id, span_id in ids:
        message.resource_spans.add().scope_spans.add().spans.add(trace_id=trace_id, span_id=span_id, name=name)
    return message.SerializeToString()


GOOD = spans((b"t" * 16, b"s" * 8))


def make_batcher(store: StubStore, folder: Path, delay_s: float = 0.05) -> Batcher:
    budget, metrics = IngestBudget(1 << 20), make_metrics().ingest
    journal = Journal(folder)
    return Batcher(Signal.TRACES, store, budget, metrics, max_bytes=10_000, max_delay_s=delay_s, journal=journal)


def test_a_certain_request_is_answered_while_the_engine_is_busy(tmp_path: Path) -> None:
    async def run() -> None:
        store = StubStore()
        store.gate.clear()
        batcher = make_batcher(store, tmp_path)
        async with asyncio.timeout(5):
            assert await asyncio.gather(*(batcher.submit(Request("t", GOOD)) for _ in range(20))) == [Outcome()] * 20
        assert store.blocks == []
        store.gate.set()
        await batcher.drain()
        assert len(store.stored) == 20
        assert list(tmp_path.iterdir()) == []

    asyncio.run(run())


def test_what_a_crash_left_is_inserted_again_under_the_same_name(tmp_path: Path) -> None:
    names: list[Batch | None] = []

    class NamingStore(StubStore):
        async def insert(self, signal, requests, batch=None):  # type: ignore[no-untyped-def]
            names.append(batch)
            return await super().insert(signal, requests, batch)

    async def crash() -> None:
        store = NamingStore()
        store.gate.clear()
        batcher = make_batcher(store, tmp_path)
        for tenant in "ba":
            await batcher.submit(Request(tenant, GOOD))
        await store.arrived.wait()

    async def restart() -> None:
        store = NamingStore()
        batcher = make_batcher(store, tmp_path)
        for segment in Journal(tmp_path).left_behind():
            await batcher.replay(segment)
        assert store.stored == [Request("a", GOOD), Request("b", GOOD)]
        assert list(tmp_path.iterdir()) == []

    asyncio.run(crash())
    asyncio.run(restart())
    assert names[0] == names[1] is not None


@pytest.mark.parametrize("cut", [1, 5, len(GOOD), len(GOOD) + 3])
def test_a_torn_end_is_left_out(tmp_path: Path, cut: int) -> None:
    segment = Journal(tmp_path).start_segment(Signal.TRACES)
    segment.append(Request("a", GOOD))
    segment.append(Request("b", GOOD, recent=True))
    segment.close()
    segment.path.write_bytes(segment.path.read_bytes()[:-cut])
    (found,) = Journal(tmp_path).left_behind()
    assert found.read() == [Request("a", GOOD)]
    assert (found.signal, found.batch) == (Signal.TRACES, segment.batch)


def test_a_damaged_body_is_not_replayed(tmp_path: Path) -> None:
    segment = Journal(tmp_path).start_segment(Signal.LOGS)
    segment.append(Request("a", GOOD))
    data = bytearray(segment.path.read_bytes())
    data[-1] ^= 1
    segment.path.write_bytes(bytes(data))
    assert segment.read() == []


def test_an_acknowledged_block_is_tried_until_the_store_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traceo.receivers.batch.RETRY_S", 0.01)

    async def run() -> None:
        store = StubStore()
        store.fail_with = StoreUnavailable("away")
        batcher = make_batcher(store, tmp_path, delay_s=0.01)
        assert await batcher.submit(Request("t", GOOD)) == Outcome()
        while len(store.attempts) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        store.fail_with = None
        while not store.blocks:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert store.stored == [Request("t", GOOD)]

    asyncio.run(run())


def test_what_is_not_certain_waits_for_the_engine(tmp_path: Path) -> None:
    async def run() -> None:
        store = StubStore()
        batcher = make_batcher(store, tmp_path)
        answers = await asyncio.gather(
            *(batcher.submit(Request("t", body)) for body in (GOOD, BAD, GOOD)), return_exceptions=True
        )
        await batcher.drain()
        assert answers[0] == answers[2] == Outcome()
        assert isinstance(answers[1], BadData)
        assert len(store.stored) == 2
        assert list(tmp_path.iterdir()) == []

    asyncio.run(run())


def test_what_the_engine_refuses_after_the_answer_is_kept_for_a_person(tmp_path: Path) -> None:
    """A valid message that this store cannot decode: it can only be the store's own fault."""

    async def run() -> None:
        store = StubStore()
        batcher = make_batcher(store, tmp_path)
        strange = spans((b"t" * 16, b"s" * 8), name="\x7f") + b""
        store.fail_with = BadData("cannot decode")
        assert await batcher.submit(Request("t", strange)) == Outcome()
        with contextlib.suppress(TimeoutError):
            await batcher.drain()
        (kept,) = tmp_path.iterdir()
        assert kept.suffix == ".refused"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("body", "certain"),
    [
        pytest.param(GOOD, True, id="good"),
        pytest.param(spans(*[(bytes([n + 1]) * 16, bytes([n + 1]) * 8) for n in range(50)]), True, id="many"),
        pytest.param(b"", True, id="empty"),
        pytest.param(spans((b"\0" * 16, b"s" * 8)), False, id="trace id of zeros"),
        pytest.param(spans((b"t" * 16, b"\0" * 8)), False, id="span id of zeros"),
        pytest.param(spans((b"t" * 15, b"s" * 8)), False, id="short trace id"),
        pytest.param(spans((b"t" * 16, b"s" * 8), (b"t" * 16, b"")), False, id="one of two without a span id"),
        pytest.param(GOOD[:-1], False, id="truncated"),
        pytest.param(b"\xff" * 10, False, id="noise"),
        pytest.param(spans((b"t" * 16, b"s" * 8), name="ab").replace(b"ab", b"\xff\xfe"), False, id="not UTF-8"),
    ],
)
def test_certainty(body: bytes, certain: bool) -> None:
    assert is_certain(Signal.TRACES, body) is certain


def metric(attribute: bytes = b"\x0a\x01a\x12\x03\x0a\x01b", **exemplar: str | bytes) -> bytes:
    """A gauge with one point, whose only attribute is `attribute`, and one exemplar."""
    request = ExportMetricsServiceRequest()
    point = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m").gauge.data_points.add(as_int=1)
    point.attributes.add(key="k" * (len(attribute) - 2))
    point.exemplars.add().filtered_attributes.add(**exemplar)
    return request.SerializeToString().replace(point.attributes[0].SerializeToString(), attribute)


@pytest.mark.parametrize(
    ("body", "certain"),
    [
        pytest.param(metric(), True, id="good"),
        pytest.param(metric(attribute=b"\xff" * 9), True, id="an attribute of a point is bytes to the engine, too"),
        pytest.param(metric(key="key").replace(b"key", b"\xff\xfe\xfd"), False, id="not UTF-8 in an exemplar"),
        pytest.param(metric(key="key").replace(b"\x0a\x03key", b"\x0a\x04key"), False, id="torn exemplar"),
        pytest.param(metric()[:-1], False, id="truncated"),
    ],
)
def test_certainty_of_metrics(body: bytes, certain: bool) -> None:
    assert is_certain(Signal.METRICS, body) is certain
