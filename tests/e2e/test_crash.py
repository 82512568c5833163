"""What was acknowledged is stored, exactly once, whenever and however the process ends; roll-ups agree with it."""

import random
from pathlib import Path

from tests.e2e.load import ITEMS, SIGNALS, Sent, load, wait_for
from tests.e2e.server import RunningServer, read_tables, running_server

CRASHES = 3
IDS = {
    "traces": "SELECT reinterpretAsUInt64(reverse(span_id)) AS id, count() AS n FROM spans GROUP BY id",
    "logs": "SELECT reinterpretAsUInt64(reverse(span_id)) AS id, count() AS n FROM logs GROUP BY id",
    "metrics": "SELECT toUInt64(value) AS id, count() AS n FROM samples GROUP BY id",
}
# Where the roll-up and the spans do not agree.
WRONG_TOTALS = """
SELECT tenant, service, operation, kind, minute, sum(n), sum(failed), sum(total)
FROM
(
    SELECT tenant, service, operation, kind, minute, 'rolled' AS source, toInt64(spans) AS n, toInt64(errors) AS failed,
        duration_sum_ns AS total, duration_max_ns AS longest FROM span_red
    UNION ALL
    SELECT tenant, service, name, kind, toStartOfMinute(start_time), 'counted', -1, -toInt64(status_code = 2),
        -duration_ns, duration_ns FROM spans
)
GROUP BY tenant, service, operation, kind, minute
HAVING sum(n) != 0 OR sum(failed) != 0 OR sum(total) != 0
    OR maxIf(longest, source = 'rolled') != maxIf(longest, source = 'counted')
"""
WRONG_BUCKETS = """
SELECT tenant, service, operation, kind, minute, bucket, sum(n)
FROM
(
    SELECT tenant, service, operation, kind, minute, bucket, toInt64(n) AS n
    FROM span_red ARRAY JOIN mapKeys(durations) AS bucket, mapValues(durations) AS n
    UNION ALL
    SELECT tenant, service, name, kind, toStartOfMinute(start_time),
        toUInt16(floor(16 * log2(greatest(duration_ns, 1)))), -1 FROM spans
)
GROUP BY tenant, service, operation, kind, minute, bucket
HAVING sum(n) != 0
"""
UNKNOWN_SERIES = "SELECT count() AS n FROM samples WHERE series_id NOT IN (SELECT series_id FROM series)"
UNKNOWN_RESOURCES = "SELECT count() AS n FROM spans WHERE resource_id NOT IN (SELECT id FROM resources)"


def check_stored(data_dir: Path, sent: Sent) -> None:
    """All that was acknowledged once, nothing twice, nothing that was not sent; and the derived tables agree."""
    checks = {
        "totals": WRONG_TOTALS,
        "buckets": WRONG_BUCKETS,
        "series": UNKNOWN_SERIES,
        "resources": UNKNOWN_RESOURCES,
    }
    tables = read_tables(data_dir, {**IDS, **checks})
    for signal in SIGNALS:
        found = {row["id"]: row["n"] for row in tables[signal]}
        assert not sent.acknowledged[signal] - found.keys(), f"{signal} were lost"
        assert set(found.values()) == {1}, f"{signal} are there twice"
        assert not found.keys() - sent.sent[signal]
    assert (tables["totals"], tables["buckets"]) == ([], [])
    assert (tables["series"], tables["resources"]) == ([{"n": 0}], [{"n": 0}])


def test_acknowledged_data_survives_kill_minus_9(tmp_path: Path) -> None:
    chance, sent = random.Random(20), Sent()
    for _ in range(CRASHES):
        with running_server(tmp_path / "data") as server:
            before = {signal: len(sent.acknowledged[signal]) for signal in SIGNALS}
            more = chance.randint(1, 20)
            with load(server, sent):
                wait_for(lambda: all(len(sent.acknowledged[s]) >= before[s] + ITEMS * more for s in SIGNALS))  # noqa: B023
                server.kill()
    assert sent.refusals == []
    with running_server(tmp_path / "data") as server:
        check_rolled_up(server, sent)
        server.terminate()
    check_stored(tmp_path / "data", sent)


def check_rolled_up(server: RunningServer, sent: Sent) -> None:
    """From the moment on in which it is ready again."""
    rolled = server.sql("SELECT service, minute, sum(spans) AS n FROM service_red GROUP BY ALL ORDER BY ALL")
    counted = server.sql(
        "SELECT service, toStartOfMinute(start_time) AS minute, count() AS n FROM spans GROUP BY ALL ORDER BY ALL"
    )
    assert rolled == counted
    assert sum(row["n"] for row in rolled) >= len(sent.acknowledged["traces"])


def test_sigterm_under_load_commits_what_was_acknowledged_and_leaves_nothing_to_repair(tmp_path: Path) -> None:
    sent = Sent()
    with running_server(tmp_path / "data") as server, load(server, sent):
        wait_for(lambda: all(len(sent.acknowledged[signal]) >= 10 * ITEMS for signal in SIGNALS))
        server.terminate()
    assert all("shutting down" in refusal for refusal in sent.refusals)
    assert list((tmp_path / "data" / "journal").iterdir()) == []
    check_stored(tmp_path / "data", sent)
