"""Tail sampling in a real server: what is acknowledged is judged once, however often the process is killed."""

import random
import time
from pathlib import Path
from typing import Any

from tests.e2e.load import ITEMS, Sent, load, wait_for
from tests.e2e.server import RunningServer, read_tables, running_server

CRASHES = 3
POLICIES = """
decision_wait: 1s
policies:
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: some, type: probabilistic, probabilistic: {sampling_percentage: 30}}
"""
KEPT = "SELECT reinterpretAsUInt64(reverse(span_id)) AS id, count() AS n, any(kept_by) AS policy FROM spans GROUP BY id"
# Spans of the window that are not where their trace's verdict says.
MISPLACED = """
SELECT count() AS n FROM spans_recent AS r LEFT ANY JOIN decisions AS d ON r.trace_id = d.trace_id
WHERE (r.trace_id IN (SELECT trace_id FROM spans)) != d.keep OR d.round = 0
"""
JUDGED_TWICE = "SELECT count() AS n FROM (SELECT trace_id FROM decisions GROUP BY trace_id HAVING count() > 1)"
LEDGER = "SELECT sum(spans) AS n FROM sampling_ledger"
ROLLED = "SELECT sum(spans) AS n FROM span_red"
ARRIVED = "SELECT count() AS n FROM spans_recent"


def policy_file(folder: Path) -> Path:
    path = folder / "policies.yaml"
    path.write_text(POLICIES)
    return path


def all_judged(server: RunningServer) -> bool:
    """Every span that has arrived is in the ledger, which is written last."""
    (row,) = server.sql(
        "SELECT (SELECT sum(spans) FROM sampling_ledger) AS judged, (SELECT sum(spans) FROM service_red) AS arrived"
    )
    return bool(row["judged"] == row["arrived"])


def test_kill_minus_9_under_load_loses_and_repeats_no_span_of_a_kept_trace(tmp_path: Path) -> None:
    chance, sent = random.Random(3), Sent()
    settings: dict[str, Any] = {"sampling__policy_file": policy_file(tmp_path)}
    for _ in range(CRASHES):
        with running_server(tmp_path / "data", **settings) as server, load(server, sent, pause_s=0.02):
            before = len(sent.acknowledged["traces"])
            wait_for(lambda: len(sent.acknowledged["traces"]) >= before + 10 * ITEMS)  # noqa: B023
            time.sleep(chance.uniform(0, 2.5))  # a random moment of the sampler's rounds is what is tested
            server.kill()
    with running_server(tmp_path / "data", **settings) as server:
        server.settle()
        wait_for(lambda: all_judged(server), poll_s=0.25)
        server.terminate()
    queries = {
        "kept": KEPT, "misplaced": MISPLACED, "twice": JUDGED_TWICE, "ledger": LEDGER, "rolled": ROLLED,
        "arrived": ARRIVED,
    }  # fmt: skip
    tables = read_tables(tmp_path / "data", queries)
    found = {row["id"]: row for row in tables["kept"]}
    assert {row["n"] for row in found.values()} == {1}
    errors = {number for number in sent.acknowledged["traces"] if number % 4 == 0}
    assert errors <= found.keys()
    assert {found[number]["policy"] for number in errors} == {b"errors"}
    assert (tables["misplaced"], tables["twice"]) == ([{"n": 0}], [{"n": 0}])
    assert tables["ledger"] == tables["rolled"] == tables["arrived"]
    assert tables["arrived"][0]["n"] >= len(sent.acknowledged["traces"])
