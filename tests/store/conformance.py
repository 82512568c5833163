"""What every store does, as tests over a `store` fixture with the schema applied; engines import them all.

Tests keep apart by tenant, and leave the store as they found it.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.query.telemetry import logs, metrics, pairs, span, traces
from tests.receivers.loki_messages import push_request
from tests.receivers.prometheus_messages import to_version_2, write_request
from traceo.catalog.edges import roll_edges
from traceo.errors import BadData, LimitExceeded, QueryError, SchemaChanged, SchemaTooNew
from traceo.receivers.plain_write import PlainReader
from traceo.store.base import Batch, Outcome, QueryLimits, Request, Signal, Store
from traceo.store.migrate import apply_retention, migrate, read_migrations

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC)
NOW_NS = int(NOW.timestamp()) // 60 * 60 * 10**9 + 5 * 10**9
DAY_S = 86400.0
RETENTION = {
    "recent_spans": 3600.0,
    "decisions": DAY_S,
    "usage": 400 * DAY_S,
    "rollups": 400 * DAY_S,
    "spans": 30 * DAY_S,
    "logs": 30 * DAY_S,
}


LONG = dict.fromkeys((*RETENTION, "metrics"), 60 * 365 * DAY_S)  # times end in 2106


@pytest.fixture
async def ages(store: Store) -> AsyncIterator[None]:
    """For tests that let data age: that of other tests on this engine is kept afterwards."""
    yield
    await apply_retention(store, LONG)


@pytest.fixture
def tenant() -> str:
    return f"conformance-{secrets.token_hex(4)}"


async def rows(store: Store, sql: str, tenant: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await store.query(sql, {"tenant": tenant})).to_pylist()
    return found


async def count(store: Store, table: str, tenant: str) -> int:
    """Rows, without those of `target_info`, of which each shard writes its own."""
    where = "tenant = {tenant:String}"
    if table == "samples":
        where += " AND series_id GLOBAL NOT IN (SELECT source_id FROM label_sets WHERE metric = 'target_info')"
    (row,) = await rows(store, f"SELECT count() AS n FROM {table} WHERE {where}", tenant)
    number: int = row["n"]
    return number


def one_trace(service: str = "cart", **fields: Any) -> bytes:
    return traces(service, [span(secrets.randbits(120) + 1, 1, NOW_NS, **fields)])


def one_request(signal: Signal) -> bytes:
    """A small body of each signal."""
    if signal is Signal.TRACES:
        return one_trace()
    if signal is Signal.LOGS:
        return logs("cart", [{"body": "line"}])
    if signal is Signal.METRICS:
        return metrics("cart", NOW_NS)
    if signal is Signal.LOKI:
        return bytes(push_request(('{app="cart"}', [(NOW_NS, "line")])).SerializeToString())
    samples = [(1.0, NOW_NS // 10**6), (2.0, NOW_NS // 10**6 + 1)]
    written = write_request(({"__name__": "up"}, samples[: 1 if signal is Signal.PLAIN_WRITE else 2]))
    body: bytes = written.SerializeToString()
    plain = PlainReader().read("anyone", body)
    return plain.body if plain else body


async def test_each_signal_reaches_its_tables(store: Store, tenant: str) -> None:
    assert await store.insert(Signal.TRACES, [Request(tenant, one_trace())]) == [Outcome()]
    assert await store.insert(Signal.LOGS, [Request(tenant, logs("cart", [{"body": "line"}]))]) == [Outcome()]
    assert await store.insert(Signal.METRICS, [Request(tenant, metrics("cart", NOW_NS))]) == [Outcome()]
    tables = ("spans", "logs", "samples", "histograms", "exemplars", "spans_recent", "rejects")
    assert [await count(store, table, tenant) for table in tables] == [1, 1, 3, 1, 1, 0, 0]
    sums = "signal, sum(items) AS n, min(oldest_ms) AS oldest_ms"
    ledger = f"SELECT {sums} FROM usage WHERE tenant = {{tenant:String}} GROUP BY signal ORDER BY signal"
    never = (1 << 63) - 1
    assert [tuple(row.values()) for row in await rows(store, ledger, tenant)] == [
        ("logs", 1, never),
        ("metrics", 4, NOW_NS // 10**6),
        ("traces", 1, never),
    ]


async def test_parameters_are_bound(store: Store) -> None:
    sql = "SELECT {text:String} AS t, {number:Int64} AS n, {ratio:Float64} AS r"
    params = {"text": "it's {number:Int64} -- /*", "number": -(1 << 63), "ratio": 0.1}
    (row,) = (await store.query(sql, params)).to_pylist()
    assert (row["t"], row["n"], row["r"]) == (params["text"], params["number"], params["ratio"])


@pytest.mark.parametrize(
    ("sql", "limits"),
    [
        ("SELECT sum(cityHash64(number)) FROM numbers(1000000000000)", QueryLimits(timeout_s=0.3)),
        ("SELECT number FROM numbers(1000)", QueryLimits(max_result_rows=10)),
        ("SELECT groupArray(number) FROM numbers(50000000)", QueryLimits(max_memory_bytes=10 << 20)),
    ],
    ids=["time", "rows", "memory"],
)
async def test_limit_stops_a_query_and_nothing_else(store: Store, sql: str, limits: QueryLimits) -> None:
    with pytest.raises(LimitExceeded):
        await store.query(sql, limits=limits)
    assert (await store.query("SELECT 1 AS one")).to_pylist() == [{"one": 1}]


async def test_answer_that_was_not_compressed_stays_as_it_was(store: Store) -> None:
    limits = QueryLimits(compressed=False)
    sql = "SELECT number, toString(number) AS text FROM numbers({first:UInt64}, 100000)"
    answers = [await store.query(sql, {"first": first}, limits) for first in range(0, 1_000_000, 100_000)]
    for first, answer in zip(range(0, 1_000_000, 100_000), answers, strict=True):
        expected = list(range(first, first + 100_000))
        assert answer["number"].to_pylist() == expected
        assert answer["text"].to_pylist() == [str(number) for number in expected]
    assert (await store.query("SELECT 1 WHERE 0", None, limits)).num_rows == 0


async def test_cancelled_caller_stops_the_engine(store: Store, tenant: str) -> None:
    async def is_running() -> bool:
        found = (
            "SELECT count() AS n FROM system.processes WHERE query LIKE {text:String} AND query NOT LIKE '%processes%'"
        )
        return bool((await store.query(found, {"text": f"%{tenant}%"}))["n"][0].as_py())

    sql = f"SELECT sum(cityHash64(number)) AS {tenant.replace('-', '_')}, '{tenant}' FROM numbers(1000000000000)"
    work = asyncio.create_task(store.query(sql))
    async with asyncio.timeout(30):
        while not await is_running():
            pass
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        while await is_running():  # a node learns from the closed connection, a moment later
            pass


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT nothing", "SELECT * FROM nowhere", "SELECT throwIf(1)"])
async def test_wrong_text_is_a_query_error(store: Store, sql: str) -> None:
    with pytest.raises(QueryError):
        await store.query(sql)


async def test_query_cannot_write(store: Store, tenant: str) -> None:
    with pytest.raises(QueryError):
        await store.query(f"INSERT INTO rejects (tenant) VALUES ('{tenant}')")
    assert await count(store, "rejects", tenant) == 0


async def test_second_migration_changes_nothing(store: Store) -> None:
    assert await migrate(store) == []


@contextlib.asynccontextmanager
async def noted(store: Store, version: int, name: str, fingerprint: str) -> AsyncIterator[str]:
    """The last node's journal says that it has this file, too; gives the node's name."""
    host = (await store.hosts())[-1]
    row = f"({version}, '{name}', '{fingerprint}', 1)"
    await store.execute_on(host, f"INSERT INTO schema_migrations (version, name, fingerprint, applied_at) VALUES {row}")
    try:
        yield host
    finally:
        await store.execute_on(
            host,
            "ALTER TABLE schema_migrations DELETE WHERE toUnixTimestamp(applied_at) = 1 SETTINGS mutations_sync = 1",
        )
    assert await migrate(store) == []


async def test_tables_of_a_newer_version_are_not_touched(store: Store) -> None:
    newer = read_migrations()[-1].version + 1
    async with noted(store, newer, "newer.sql", "") as host:
        with pytest.raises(SchemaTooNew, match=f"{host} has schema version {newer}"):
            await migrate(store)


GONE = next(number for number in range(1, 1000) if number not in {each.version for each in read_migrations()})
FIRST = read_migrations()[0]


@pytest.mark.parametrize(
    ("version", "name", "fingerprint"),
    [
        (FIRST.version, FIRST.name, "0123"),
        (FIRST.version, "001_other.sql", FIRST.fingerprint()),
        (FIRST.version, "001_other.sql", ""),
        (GONE, "gone.sql", ""),
    ],
    ids=["edited", "renamed", "renamed before texts were noted", "gone"],
)
async def test_tables_that_other_files_made_are_refused(
    store: Store, version: int, name: str, fingerprint: str
) -> None:
    async with noted(store, version, name, fingerprint) as host:
        with pytest.raises(SchemaChanged, match=f"node {host} were made by other versions of schema files: {name}"):
            await migrate(store)


async def test_tables_of_a_build_that_noted_no_texts_are_used_with_a_warning(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with noted(store, FIRST.version, FIRST.name, ""):
        assert await migrate(store) == []
        assert "early build" in caplog.text
        caplog.clear()
    assert not caplog.text


@pytest.mark.usefixtures("ages")
async def test_retention_sets_ttls_and_follows_a_change(store: Store) -> None:
    local = "_local" if (await store.layout()).cluster else ""
    for days in (90, 89):
        await apply_retention(store, {**RETENTION, "metrics": days * DAY_S})
        for host in await store.hosts():
            sql = "SELECT name, create_table_query AS text FROM system.tables WHERE database = currentDatabase()"
            texts = {row["name"]: row["text"] for row in (await store.query_on(host, sql)).to_pylist()}
            assert f"TTL received_at + toIntervalSecond({days * 86400})" in texts[f"samples{local}"]
            assert f"TTL day + toIntervalDay({days})" in texts[f"series{local}"]
            assert "TTL received_at + toIntervalSecond(3600)" in texts[f"spans_recent{local}"]


@pytest.mark.usefixtures("ages")
async def test_shorter_retention_applies_to_what_is_stored(store: Store, tenant: str) -> None:
    ten_days_ago = Batch((int(NOW.timestamp() - 10 * DAY_S) * 1000) << 22, secrets.token_hex(16))
    await store.insert(Signal.LOGS, [Request(tenant, logs("cart", [{"body": "old"}]))], ten_days_ago)
    await store.insert(Signal.LOGS, [Request(tenant, logs("cart", [{"body": "new"}]))])
    assert await count(store, "logs", tenant) == 2
    await apply_retention(store, {**RETENTION, "metrics": 90 * DAY_S, "logs": 5 * DAY_S})
    async with asyncio.timeout(120):
        while await count(store, "logs", tenant) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_recent_spans_wait_apart_and_are_rolled_up(store: Store, tenant: str) -> None:
    await store.insert(Signal.TRACES, [Request(tenant, one_trace(), recent=True), Request(tenant, one_trace())])
    assert [await count(store, table, tenant) for table in ("spans_recent", "spans")] == [1, 1]
    (row,) = await rows(store, "SELECT sum(spans) AS n FROM span_red WHERE tenant = {tenant:String}", tenant)
    assert row["n"] == 2


@pytest.mark.parametrize("signal", list(Signal))
@pytest.mark.parametrize("cut", ["in the middle", "at the end"])
async def test_bad_data_writes_nothing_of_the_block(store: Store, tenant: str, signal: Signal, cut: str) -> None:
    good = one_request(signal)
    requests = [Request(tenant, good), Request(tenant, good[:-3]), Request(tenant, good)]
    if cut == "at the end":
        requests = [Request(tenant, good), Request(tenant, good), Request(tenant, good[:-3])]
    with pytest.raises(BadData):
        await store.insert(signal, requests)
    tables = ("spans", "logs", "samples", "histograms", "span_red", "usage", "series", "resources")
    assert [await count(store, table, tenant) for table in tables] == [0] * len(tables)
    assert await store.insert(signal, [Request(tenant, good)]) == [Outcome()]


@pytest.mark.parametrize("signal", list(Signal))
async def test_block_that_is_inserted_again_is_stored_once(store: Store, tenant: str, signal: Signal) -> None:
    body = one_request(signal)
    batch = Batch.new()
    for _ in range(2):
        assert await store.insert(signal, [Request(tenant, body)], batch) == [Outcome()]
    table, items = {
        Signal.TRACES: ("spans", 1),
        Signal.LOGS: ("logs", 1),
        Signal.METRICS: ("samples", 3),
        Signal.PLAIN_WRITE: ("samples", 1),
        Signal.REMOTE_WRITE: ("samples", 2),
        Signal.LOKI: ("logs", 1),
    }[signal]
    assert await count(store, table, tenant) == items
    (row,) = await rows(store, "SELECT sum(spans) AS n FROM span_red WHERE tenant = {tenant:String}", tenant)
    assert row["n"] == (1 if signal is Signal.TRACES else 0)


async def test_values_bound_inside_a_subquery_count_in_every_query(store: Store, tenant: str) -> None:
    """The engine keeps which rows a condition let through, and would take this one for the same in both queries."""
    requests = [Request(tenant, logs(name, [{"body": name}], {"host": name})) for name in ("a", "b")]
    await store.insert(Signal.LOGS, requests)
    chosen = "SELECT id FROM resources WHERE tenant = {tenant:String} AND service = {service:String}"
    sql = f"SELECT body FROM logs WHERE tenant = {{tenant:String}} AND resource_id IN ({chosen})"
    for name in ("a", "b", "a"):
        found = await store.query(sql, {"tenant": tenant, "service": name})
        assert found["body"].to_pylist() == [name]


async def test_refused_spans_are_counted_for_their_own_request(store: Store, tenant: str) -> None:
    bad = traces("cart", [span(1, 1, NOW_NS), span(1, 0, NOW_NS), span(0, 1, NOW_NS)])
    good = Request(f"{tenant}-2", one_trace())
    first, second, third = await store.insert(Signal.TRACES, [good, Request(tenant, bad), good])
    assert (first, second.rejected, third) == (Outcome(), 2, Outcome())
    assert "trace_id must be 16 bytes" in second.reason
    assert [await count(store, "spans", name) for name in (tenant, f"{tenant}-2")] == [1, 2]


async def test_rollup_counts_spans_errors_and_durations(store: Store, tenant: str) -> None:
    durations = [1, 1000, 1_000_000, 0]
    spans = [
        span(7, number + 1, NOW_NS, duration_ns=duration, status={"code": 2 if number == 1 else 0})
        for number, duration in enumerate(durations)
    ]
    for half in (spans[:2], spans[2:]):
        await store.insert(Signal.TRACES, [Request(tenant, traces("cart", half))])
    (row,) = await rows(
        store,
        """SELECT service, operation, sum(spans) AS n, sum(errors) AS failed, sum(duration_sum_ns) AS total,
            max(duration_max_ns) AS longest, sumMap(mapKeys(durations), mapValues(durations)) AS buckets
        FROM span_red WHERE tenant = {tenant:String} GROUP BY service, operation""",
        tenant,
    )
    assert (row["n"], row["failed"], row["total"], row["longest"]) == (4, 1, sum(durations), 1_000_000)
    buckets = list(row["buckets"].values()) if isinstance(row["buckets"], dict) else list(row["buckets"])
    assert [list(part) for part in buckets] == [[0, 159, 318], [2, 1, 1]]


async def test_edge_joins_a_call_of_two_services_however_its_spans_arrive(store: Store, tenant: str) -> None:
    trace = secrets.randbits(120) + 1
    child = span(trace, 2, NOW_NS, parent=1, duration_ns=2000, status={"code": 2})
    for service, spans in (("stock", [child]), ("cart", [span(trace, 1, NOW_NS), span(trace, 3, NOW_NS, parent=1)])):
        await store.insert(Signal.TRACES, [Request(tenant, traces(service, spans))])
        await roll_edges(store, datetime.now(UTC) - timedelta(minutes=1))
    edges = """
        SELECT client, server, kind, sum(calls) AS calls, sum(errors) AS errors, sum(duration_sum_ns) AS total FROM
            (SELECT * FROM service_edges WHERE tenant = {tenant:String} AND kind = 'call'
             ORDER BY computed_at DESC LIMIT 1 BY minute, client, server, kind)
        GROUP BY client, server, kind"""
    (edge,) = await rows(store, edges, tenant)
    assert (edge["client"], edge["server"], edge["kind"]) == ("cart", "stock", "call")
    assert (edge["calls"], edge["errors"], edge["total"]) == (1, 1, 2000)


async def test_attribute_bytes_are_kept_as_they_were_sent(store: Store, tenant: str) -> None:
    values = {"": "empty key", "zero": 0, "nested": {"a": [1, False, ""]}}
    await store.insert(Signal.TRACES, [Request(tenant, one_trace(attributes=values))])
    (row,) = (
        await store.query(
            "SELECT mapApply((k, v) -> (k, hex(v)), attributes) AS a FROM spans WHERE tenant = {tenant:String}",
            {"tenant": tenant},
        )
    ).to_pylist(maps_as_pydicts="strict")
    assert row["a"] == {pair.key: pair.value.SerializeToString().hex().upper() for pair in pairs(values)}


async def test_free_disk_is_known(store: Store) -> None:
    assert await store.free_disk_bytes() > 0


async def test_series_have_their_labels_however_they_came(store: Store, tenant: str) -> None:
    labels = [{"__name__": "up", "job": "a"}, {"__name__": "up", "job": "b"}]
    at = NOW_NS // 10**6
    body = to_version_2(write_request(*((one, [(1.0, at), (2.0, at + 1)]) for one in labels))).SerializeToString()
    assert await store.insert(Signal.REMOTE_WRITE, [Request(tenant, body)] * 2) == [Outcome()] * 2
    assert await store.insert(Signal.PLAIN_WRITE, [Request(tenant, one_request(Signal.PLAIN_WRITE))]) == [Outcome()]
    assert await store.insert(Signal.METRICS, [Request(tenant, metrics("cart", NOW_NS))]) == [Outcome()]
    sql = "SELECT metric, uniqExact(series_id) AS n FROM label_sets WHERE tenant = {tenant:String} GROUP BY metric"
    assert {row["metric"]: row["n"] for row in await rows(store, sql, tenant)} == {
        **{"up": 3, "target_info": 1, "temperature_celsius": 2, "bytes_total": 1},
        **{"latency_seconds_bucket": 2, "latency_seconds_sum": 1, "latency_seconds_count": 1},
    }
    assert await count(store, "samples", tenant) == 8 + 1 + 3
