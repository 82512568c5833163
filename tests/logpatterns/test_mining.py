"""From lines on the engine to patterns and their counts."""

import asyncio
import time
from typing import Any

import pytest

from tests.moment import NOW_S
from tests.query.engine import engine, insert
from tests.query.telemetry import logs
from traceo.config import Query
from traceo.errors import LimitExceeded
from traceo.logpatterns.miner import mine_patterns
from traceo.logpatterns.templates import MAX_TEMPLATES, Templates, mask
from traceo.query.log_patterns import PatternSearch, compare_patterns, list_patterns
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.store.base import Signal

MINUTE = 60 * 10**9
NOW = NOW_S // 60 * MINUTE
HOUR = TimeRange(NOW - 60 * MINUTE, NOW + 60 * MINUTE)
UUID = "550e8400-e29b-41d4-a716-446655440000"


def send(tenant: str, *bodies: Any, at_ns: int = NOW, service: str = "shop", severity: int = 9) -> None:
    records = [{"time_unix_nano": at_ns, "body": body, "severity_number": severity} for body in bodies]
    insert(tenant, Signal.LOGS, logs(service, records))


def mine() -> int:
    return asyncio.run(mine_patterns(engine(), time.time() - 3600))


def patterns(tenant: str, between: TimeRange = HOUR, step_ns: int = MINUTE, **search: Any) -> list[dict[str, Any]]:
    queries = Queries(engine(), Query())
    return asyncio.run(list_patterns(queries, tenant, between, PatternSearch(**search), step_ns))


def counts(tenant: str, **search: Any) -> dict[str, int]:
    return {row["template"]: row["lines"] for row in patterns(tenant, **search)}


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("took 35ms", "took <_>"),
        ("10.1.2.3:8080 connected", "<_> connected"),
        (f"order {UUID} paid", "order <_> paid"),
        ("order deadbeef-aaaa-bbbb-cccc-ddddeeeeffff paid", "order <_> paid"),
        ("2026-01-01T10:00:00.123Z started", "<_> started"),
        ("user-123 GET /api/v1/cart/7?page=2", "user-<_> GET /api/<_>/cart/<_>?page=<_>"),
        ('{"n":1.5,"name":"x"}', '{"n":<_>,"name":"x"}'),
        ("nothing varies", "nothing varies"),
        ("0xdeadbeef1 ffé3", "<_> <_>"),
    ],
    ids=str,
)
def test_variables_are_masked_by_their_looks(line: str, masked: str) -> None:
    assert mask(line) == masked


def test_lines_of_one_build_become_one_template() -> None:
    templates = Templates("shop")
    first, is_new = templates.place("user alice logged in from berlin")
    assert first and is_new and first.text == "user alice logged in from berlin"
    second, changed = templates.place("user bob logged in from paris")
    assert second is first and changed and first.text == "user <_> logged in from <_>"
    third, changed = templates.place("user eve logged in from rome")
    assert third is first and not changed
    other, is_new = templates.place("user eve was asked to leave")
    assert other is not first and is_new


def test_templates_of_a_service_are_bounded_and_the_rest_has_none() -> None:
    templates = Templates("shop")
    for number in range(MAX_TEMPLATES):
        assert templates.place("x" + "-" * number)[1]
    assert templates.place("too much!") == (None, False)


def test_known_templates_are_found_again_with_their_number() -> None:
    number = Templates("shop").place("user alice left")[0]
    assert number
    again, changed = Templates("shop", [(number.number, "user <_> left")]).place("user zoe left")
    assert again and again.number == number.number and not changed


def test_counts_follow_service_severity_and_minute() -> None:
    send("patterns", *(f"GET /cart/{n} took {n}ms" for n in range(5)), "cache is warm", {"no": "text"}, "")
    send("patterns", "GET /cart/9 took 1ms", at_ns=NOW + 2 * MINUTE, severity=17)
    send("patterns", "GET /cart/9 took 1ms", service="other")
    assert mine() >= 3
    found = {(row["service"], row["level"], row["template"]): row for row in patterns("patterns")}
    assert {key: row["lines"] for key, row in found.items()} == {
        ("shop", "info", "GET /cart/<_> took <_>"): 5,
        ("shop", "info", "cache is warm"): 1,
        ("shop", "error", "GET /cart/<_> took <_>"): 1,
        ("other", "info", "GET /cart/<_> took <_>"): 1,
    }
    row = found["shop", "info", "GET /cart/<_> took <_>"]
    assert (row["points"], row["first_seen_ns"], row["last_seen_ns"]) == ([[NOW, 5]], NOW, NOW)
    assert row["example"].startswith("GET /cart/")
    assert counts("patterns", min_severity=17) == {"GET /cart/<_> took <_>": 1}
    assert counts("patterns", services=("other", "x")) == {"GET /cart/<_> took <_>": 1}
    assert counts("patterns", text="warm") == {"cache is warm": 1}
    assert counts("patterns", limit=1) == {"GET /cart/<_> took <_>": 5}
    assert counts("somebody-else") == {}


def test_mining_again_changes_nothing() -> None:
    send("again", "job 1 done", "job 22 done")
    assert mine() == 1
    assert mine() == 0
    send("again", "job 333 done")
    assert mine() == 0
    assert counts("again") == {"job <_> done": 3}


def test_template_becomes_more_general_and_stays_itself() -> None:
    send("general", "user alice logged in")
    mine()
    (before,) = patterns("general")
    send("general", "user robin logged in", "user zoe logged in")
    mine()
    (after,) = patterns("general")
    assert (before["template"], after["template"]) == ("user alice logged in", "user <_> logged in")
    assert (before["pattern"], before["first_seen_ns"]) == (after["pattern"], after["first_seen_ns"])
    assert after["lines"] == 3


def test_lines_without_a_template_yet_are_counted() -> None:
    send("early", "not mined")
    assert counts("early") == {"<_>": 1}


def test_block_with_too_many_shapes_is_counted_whole() -> None:
    send("random", *(chr(ord("g") + n % 20) * (n // 20 + 1) for n in range(700)))
    mine()
    assert sum(row["lines"] for row in patterns("random", limit=1000)) == 700


@pytest.mark.parametrize(
    "body", ["x" * (1 << 20), "\x00\x01\x7f binary", "ünïcödé 7", "'; DROP TABLE logs --", "a\\b\nc\td {p0:String}"]
)
def test_odd_lines_are_mined(body: str) -> None:
    tenant = f"odd-{abs(hash(body))}"
    send(tenant, body)
    mine()
    (row,) = patterns(tenant)
    assert row["lines"] == 1 and row["example"] == body[:512]


def test_bytes_that_are_no_text_are_mined() -> None:
    insert("bytes", Signal.LOGS, logs("shop", [{"time_unix_nano": NOW, "body": "QQ raw"}]).replace(b"QQ", b"\xff\xfe"))
    mine()
    assert counts("bytes") == {"\ufffd\ufffd raw": 1}


def test_new_and_vanished_patterns_are_told() -> None:
    earlier = NOW - 30 * MINUTE
    send("compare", *["steady beat"] * 10, "going away", at_ns=earlier)
    send("compare", *["steady beat"] * 50, "timed out!")
    mine()
    before, after = TimeRange(earlier, earlier + 10 * MINUTE), TimeRange(NOW, NOW + 10 * MINUTE)
    found = asyncio.run(compare_patterns(Queries(engine(), Query()), "compare", before, after, PatternSearch()))
    told = {kind: [(row["template"], row["before"], row["after"]) for row in rows] for kind, rows in found.items()}
    assert told == {
        "new": [("timed out!", 0.0, 0.1)],
        "vanished": [("going away", 0.1, 0.0)],
        "changed": [("steady beat", 1.0, 5.0)],
    }


def test_too_many_points_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="longer step"):
        patterns("patterns", TimeRange(0, NOW))
