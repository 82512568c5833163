"""The traces that TraceQL's tests ask: four, one with a missing parent, one that is a cycle."""

from functools import cache
from typing import Any

from tests.moment import NOW_S
from tests.query.engine import insert
from tests.query.telemetry import pairs, span, traces
from traceo.query.sql import TimeRange
from traceo.store.base import Signal

NOW = NOW_S // 3600 * 3600 * 10**9
MS = 10**6
RANGE = TimeRange(NOW - 3600 * 10**9, NOW + 3600 * 10**9)
TENANT = "traceql"


def _span(trace: int, number: int, parent: int, name: str, ms: int, **fields: Any) -> dict[str, Any]:
    return span(trace, number, NOW + number * MS, parent=parent, name=name, duration_ns=ms * MS, **fields)


@cache
def load() -> None:
    event = {"time_unix_nano": NOW + 7 * MS, "name": "exception", "attributes": pairs({"exception.type": "Oops"})}
    link = {"trace_id": b"\x07" * 16, "span_id": b"\x08" * 8}
    shop = [
        _span(1, 1, 0, "GET /", 1000, attributes={"user id": "u1", "flag": True, "n": 3}),
        _span(2, 1, 0, "GET /x", 100, attributes={"n": "3"}),
        _span(3, 2, 9, "orphan", 10),
        _span(3, 3, 2, "below", 5),
        _span(4, 1, 2, "round", 10),
        _span(4, 2, 1, "round", -10),
    ]
    cart = [
        _span(1, 2, 1, "add", 200, kind=3, attributes={"http.status_code": 200, "cost": 2}),
        _span(1, 3, 1, "pay", 500, status={"code": 2, "message": "no money"},
              attributes={"http.status_code": 500, "cost": 1.5}, events=[event], links=[link]),
    ]  # fmt: skip
    database = [
        _span(1, 4, 3, "SELECT", 300, kind=1, attributes={"db.system": "pg"}),
        _span(2, 2, 1, "SELECT", 50, kind=1, attributes={"db.system": "pg"}),
    ]
    insert(
        TENANT,
        Signal.TRACES,
        traces("shop", shop, {"env": "prod", "replicas": 2}),
        traces("cart", cart, {"env": "test"}),
        traces("db", database),
    )
