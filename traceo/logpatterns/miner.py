"""Gives new shapes of log lines to templates, every few seconds, on the replica that holds the lease.

A round keeps nothing in memory: which shapes are new, and the templates that there are, is asked each time, of services
with new shapes only. Most rounds find none. What two rounds would write twice is the same both times.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

from traceo.errors import TraceoError
from traceo.logpatterns.templates import OTHERS, Templates
from traceo.query.run import as_bytes
from traceo.store.base import Store
from traceo.store.binding import Bindings

logger = logging.getLogger(__name__)

INTERVAL_S = 5.0
OVERLAP_S = 90  # blocks that were being written while the last round looked
DAY_S = 86_400
MAX_SHAPES = 2000  # of one round, those with most lines first
ROWS_AT_ONCE = 100  # of one statement: on a cluster its values are part of a URL
NEW_SHAPES = f"""
SELECT tenant, service, shape, any(example) AS line, sum(lines) AS counted, toUnixTimestamp(min(minute)) AS first_seen
FROM log_shapes
WHERE arrived >= toDateTime({{since:Int64}}) AND shape != 0
    AND (tenant, service, shape) GLOBAL NOT IN (SELECT tenant, service, shape FROM log_shape_patterns)
GROUP BY tenant, service, shape
ORDER BY counted DESC, shape
LIMIT {MAX_SHAPES}
"""
KNOWN = """
SELECT tenant, service, pattern, argMax(log_patterns.template, updated_at) AS text,
    toUnixTimestamp(min(log_patterns.first_seen)) AS since
FROM log_patterns
WHERE (tenant, service) IN (SELECT unhex(p.1), unhex(p.2) FROM (SELECT arrayJoin({pairs}) AS p))
GROUP BY tenant, service, pattern
"""
ENTER_PATTERNS = """
INSERT INTO log_patterns
SELECT unhex(r.1), unhex(r.2), toUInt64(r.3), unhex(r.4), unhex(r.5), toDateTime(r.6, 'UTC'), now64(3)
FROM (SELECT arrayJoin({rows}) AS r)
"""
ENTER_SHAPES = """
INSERT INTO log_shape_patterns
SELECT unhex(r.1), unhex(r.2), toUInt64(r.3), toUInt64(r.4), now64(3) FROM (SELECT arrayJoin({rows}) AS r)
"""
Row = dict[str, Any]
Service = tuple[bytes, bytes]  # tenant and service


async def mine_patterns(store: Store, since: float) -> int:
    """Give each shape that came after `since` (seconds of 1970) its template; how many shapes were new."""
    rows = await _rows(store, NEW_SHAPES, {"since": int(since)})
    if not rows:
        return 0
    services = sorted({(row["tenant"], row["service"]) for row in rows})
    known: dict[Service, dict[int, tuple[str, int]]] = {service: {} for service in services}
    for start in range(0, len(services), ROWS_AT_ONCE):
        bound, pairs = _bind("Tuple(String, String)", [_hex(*pair) for pair in services[start : start + ROWS_AT_ONCE]])
        for row in await _rows(store, KNOWN.format(pairs=pairs), bound):
            known[row["tenant"], row["service"]][row["pattern"]] = _text(row["text"]), row["since"]
    patterns, shapes = _place(rows, known)
    # Templates first: a shape that is known is not looked at again.
    await _enter(store, ENTER_PATTERNS, "Tuple(String, String, String, String, String, UInt32)", patterns)
    await _enter(store, ENTER_SHAPES, "Tuple(String, String, String, String)", shapes)
    return len(rows)


def _place(rows: list[Row], known: dict[Service, dict[int, tuple[str, int]]]) -> tuple[list[Any], list[Any]]:
    """Rows of `log_patterns` and of `log_shape_patterns`, as they are bound."""
    templates = {
        (tenant, service): Templates(_text(service), [(number, text) for number, (text, _) in found.items()])
        for (tenant, service), found in known.items()
    }
    changed: dict[tuple[bytes, bytes, int], list[Any]] = {}
    shapes = []
    for row in rows:
        service = row["tenant"], row["service"]
        template, has_changed = templates[service].place(_text(row["line"]))
        number = template.number if template else OTHERS
        shapes.append([*_hex(*service), str(row["shape"]), str(number)])
        if template and has_changed:
            before = changed.get((*service, number))
            _, since = known[service].get(number, ("", row["first_seen"]))
            since = min(since, before[5] if before else since, row["first_seen"])
            example = before[4] if before else row["line"].hex()
            text = template.text.encode("utf-8", "surrogateescape").hex()
            changed[*service, number] = [*_hex(*service), str(number), text, example, since]
    return list(changed.values()), shapes


async def mine_forever(store: Store, may_mine: Callable[[], bool]) -> None:
    """Until cancelled. A failed round is logged and made up for by the next."""
    since = time.time() - DAY_S
    while True:
        if may_mine():
            started = time.time()
            try:
                found = await mine_patterns(store, since)
                if found < MAX_SHAPES:  # else the rest of them next time
                    since = started - OVERLAP_S
            except TraceoError as error:
                logger.warning("log patterns were not mined, trying again: %s", error)
        await asyncio.sleep(INTERVAL_S)


async def _enter(store: Store, statement: str, kind: str, rows: list[Any]) -> None:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        bound, text = _bind(kind, rows[start : start + ROWS_AT_ONCE])
        await store.execute(statement.format(rows=text), bound)


def _bind(kind: str, rows: list[Any]) -> tuple[dict[str, Any], str]:
    """One bound value for many rows, whose texts are hexadecimal because they may be any bytes."""
    bindings = Bindings()
    text = bindings.bind(json.dumps(rows))
    return bindings.params, f"JSONExtract({text}, 'Array({kind})')"


async def _rows(store: Store, sql: str, params: dict[str, Any]) -> list[Row]:
    rows: list[Row] = as_bytes(await store.query(sql, params)).to_pylist()
    return rows


def _hex(*texts: bytes) -> list[str]:
    return [text.hex() for text in texts]


def _text(raw: bytes) -> str:
    """Bytes that are no UTF-8 survive."""
    return raw.decode("utf-8", "surrogateescape")
