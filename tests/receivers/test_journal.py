import asyncio
import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.receivers.stubs import BAD, StubStore
from traceo.errors import BadData, DiskFull, StoreError, StoreUnavailable
from traceo.receivers.batch import Batcher
from traceo.receivers.budget import IngestBudget
from traceo.receivers.commit import Committer
from traceo.receivers.journal import Journal, Segment
from traceo.receivers.verify import is_certain, rewrite
from traceo.store.base import OTLP, Batch, Outcome, Request, Signal
from traceo.telemetry import make_metrics


def spans(*ids: tuple[bytes, bytes], name: str = "") -> bytes:
    message = ExportTraceServiceRequest()
    for trace_id, span_id in ids:
        message.resource_spans.add().scope_spans.add().spans.add(trace_id=trace_id, span_id=span_id, name=name)
    return message.SerializeToString()


IDS = st.sampled_from([b"t" * 16, b"s" * 8, b"\0" * 16, b"\0" * 8, b"", b"x" * 15])
GOOD = spans((b"t" * 16, b"s" * 8))


def make_batcher(store: StubStore, folder: Path, delay_s: float = 0.05) -> Batcher:
    budget, metrics = IngestBudget(1 << 20), make_metrics().ingest
    journal = Journal(folder)
    committer = Committer(Signal.TRACES, store, metrics)
    return Batcher(
        committer, asyncio.Semaphore(1), budget, metrics, max_bytes=10_000, max_delay_s=delay_s, journal=journal
    )


def test_a_certain_request_is_answered_while_the_engine_is_busy(tmp_path: Path) -> None:
    async def run() -> None:
        store = StubStore()
        store.gate.clear()
        batcher = make_batcher(store, tmp_path)
        async with asyncio.timeout(30):
            assert await asyncio.gather(*(batcher.submit(Request("t", GOOD)) for _ in range(20))) == [Outcome()] * 20
        assert store.blocks == []
        store.gate.set()
        await batcher.drain()
        assert len(store.stored) == 20
        assert list(tmp_path.iterdir()) == []

    asyncio.run(run())


def test_a_request_that_is_to_be_judged_waits_for_the_engine(tmp_path: Path) -> None:
    async def run() -> None:
        store = StubStore()
        store.gate.clear()
        batcher = make_batcher(store, tmp_path, delay_s=0)
        waiting = asyncio.create_task(batcher.submit(Request("t", GOOD), judged=True))
        async with asyncio.timeout(30):
            await store.arrived.wait()
        assert not waiting.done()
        store.gate.set()
        assert await waiting == Outcome()
        await batcher.drain()

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
    segment.append(Request("a", GOOD, recent=True, keep=True))
    segment.append(Request("b", GOOD, recent=True))
    segment.close()
    segment.path.write_bytes(segment.path.read_bytes()[:-cut])
    (found,) = Journal(tmp_path).left_behind()
    assert found.read() == [Request("a", GOOD, recent=True, keep=True)]
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


def test_an_error_of_no_known_cause_costs_its_own_request_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One block MUST NOT keep its signal from being stored for ever."""
    monkeypatch.setattr("traceo.receivers.batch.RETRY_S", 0.001)
    poison = spans((b"p" * 16, b"s" * 8))

    class PoisonedStore(StubStore):
        async def insert(self, signal, requests, batch=None):  # type: ignore[no-untyped-def]
            if any(request.body == poison for request in requests):
                raise StoreError("an error that nobody has seen yet", code=9999)
            return await super().insert(signal, requests, batch)

    async def run() -> None:
        store = PoisonedStore()
        batcher = make_batcher(store, tmp_path, delay_s=0.01)
        for body in (GOOD, poison, GOOD):
            assert await batcher.submit(Request("t", body)) == Outcome()
        async with asyncio.timeout(30):
            while list(tmp_path.glob("*.segment")):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert store.stored == [Request("t", GOOD)] * 2
        (kept,) = tmp_path.iterdir()
        assert Segment(kept, Signal.TRACES, Batch.new()).read() == [Request("t", poison)]

    asyncio.run(run())


def test_what_was_answered_with_an_error_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sender sends it again: from the journal it would be stored a second time."""
    monkeypatch.setattr("traceo.receivers.batch.RETRY_S", 0.001)
    uncertain = spans((b"t" * 16, b""))

    async def run() -> None:
        store = StubStore()
        store.fail_with = StoreUnavailable("away")
        batcher = make_batcher(store, tmp_path, delay_s=0.01)
        answers = await asyncio.gather(
            *(batcher.submit(Request("t", body)) for body in (GOOD, uncertain)), return_exceptions=True
        )
        assert answers[0] == Outcome() and isinstance(answers[1], StoreUnavailable)
        store.fail_with = None
        async with asyncio.timeout(30):
            while list(tmp_path.iterdir()):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert store.stored == [Request("t", GOOD)]

    asyncio.run(run())


def test_a_journal_that_cannot_be_stored_yet_does_not_keep_readers_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traceo.receivers.batch.RETRY_S", 0.001)

    async def run() -> None:
        segment = Journal(tmp_path).start_segment(Signal.TRACES)
        segment.append(Request("t", GOOD))
        segment.close()
        store = StubStore()
        store.fail_with = DiskFull("full")
        batcher = make_batcher(store, tmp_path)
        for found in Journal(tmp_path).left_behind():
            await batcher.replay(found)
        store.fail_with = None
        async with asyncio.timeout(30):
            while list(tmp_path.iterdir()):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert store.stored == [Request("t", GOOD)]

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
        pytest.param(spans((b"t" * 16, b"s" * 8), name="ab").replace(b"ab", b"\xff\xfe"), True, id="not UTF-8"),
        pytest.param(spans((b"t" * 16, b"s" * 8), name="x" * 20_000), True, id="length of three bytes"),
        pytest.param(spans((b"", b"s" * 8), name="\n\x10" + "t" * 16 + "\x12\x08ssssssss"), False, id="ids in a name"),
    ],
)
def test_certainty(body: bytes, certain: bool) -> None:
    assert is_certain(Signal.TRACES, body) is certain


@pytest.mark.parametrize("signal", OTLP)
@pytest.mark.parametrize("body", [GOOD[:-1], b"\xff" * 10, b"\x0a\xff\xff\xff\xff\x0f"], ids=["cut", "noise", "4 GiB"])
def test_what_is_no_request_is_refused_before_it_reaches_a_block(signal: Signal, body: bytes) -> None:
    with pytest.raises(BadData, match=f"not a {signal} request"):
        is_certain(signal, body)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(IDS, IDS, st.binary(max_size=40), st.binary(max_size=300)), max_size=5))
def test_only_spans_with_valid_ids_are_certain(items: list[tuple[bytes, bytes, bytes, bytes]]) -> None:
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    for trace_id, span_id, link_id, value in items:
        span = scope.spans.add(trace_id=trace_id, span_id=span_id)
        span.attributes.add(key="x" * 16).value.bytes_value = value
        span.links.add(trace_id=link_id, span_id=b"s" * 8)
    valid = all(len(t) == 16 and any(t) and len(s) == 8 and any(s) for t, s, _, _ in items)
    assert is_certain(Signal.TRACES, message.SerializeToString()) is valid


def test_rewritten_request_has_what_is_known_and_nothing_else() -> None:
    unknown = b"\xfa\x07\x03abc"
    assert rewrite(Signal.TRACES, GOOD + unknown) == GOOD
