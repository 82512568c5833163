"""Which rows of the edges' roll-ups add up to a time range: large blocks in its middle, small ones and minutes around.

Each minute is counted once, so that sums are as exact as over minutes alone. Times are unix seconds.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from traceo.query.run import Queries
from traceo.query.sql import Scope, TimeRange

MINUTE_S = 60
SPANS_S = (86_400, 3_600, 600)  # of blocks, largest first
LAST_S = (1 << 32) - 1  # of a DateTime
DONE = """
SELECT span_s, toUnixTimestamp(minute) AS at FROM edge_blocks_done
WHERE minute >= toDateTime({first:Int64}, 'UTC') AND minute < toDateTime({last:Int64}, 'UTC') GROUP BY span_s, minute
"""
Done = Mapping[int, Collection[int]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring blocks of `span_s` from `first` up to, not including, `last`."""

    span_s: int
    first: int
    last: int


def cover(first: int, last: int, done: Done, spans_s: tuple[int, ...] = SPANS_S) -> list[Stretch]:
    """What of `done` (length of a block -> where it begins), and which minutes, make up whole minutes of a range."""
    found: list[Stretch] = []
    for stretch in _cover(first, last, done, spans_s):
        before = found[-1] if found else None
        if before and (before.span_s, before.last) == (stretch.span_s, stretch.first):
            found[-1] = Stretch(before.span_s, before.first, stretch.last)
        else:
            found.append(stretch)
    return found


def _cover(first: int, last: int, done: Done, spans_s: tuple[int, ...]) -> Iterator[Stretch]:
    if first >= last:
        return
    if not spans_s:
        yield Stretch(MINUTE_S, first, last)
        return
    span_s, *finer = spans_s
    at = first
    for block in sorted(block for block in done.get(span_s, ()) if first <= block and block + span_s <= last):
        yield from _cover(at, block, done, tuple(finer))
        yield Stretch(span_s, block, block + span_s)
        at = block + span_s
    yield from _cover(at, last, done, tuple(finer))


def edge_conditions(stretches: Collection[Stretch], bind: Callable[[int], str]) -> dict[str, str]:
    """Table -> the condition on its rows; a table that has none of the stretches is not among them."""
    parts: dict[str, list[str]] = {}
    for stretch in stretches:
        minutes = stretch.span_s == MINUTE_S
        within = (
            f"minute >= toDateTime({bind(stretch.first)}, 'UTC') AND minute < toDateTime({bind(stretch.last)}, 'UTC')"
        )
        table = "service_edges" if minutes else "service_edges_blocks"
        parts.setdefault(table, []).append(within if minutes else f"span_s = {bind(stretch.span_s)} AND {within}")
    return {table: f"({' OR '.join(conditions)})" for table, conditions in parts.items()}


async def select_edges(
    queries: Queries, scope: Scope, between: TimeRange, columns: str, where: Collection[str] = ()
) -> str:
    """SQL, a union: these columns of the tenant's edges, of rows that add up to it. `scope` MUST have no range.

    `where`: conditions on the two ends and the kind.
    """
    first = max(between.start_ns // (MINUTE_S * 10**9), 0) * MINUTE_S
    last = min(-(-between.end_ns // (MINUTE_S * 10**9)) * MINUTE_S, LAST_S // MINUTE_S * MINUTE_S)
    done = await read_done(queries, first, last) if last - first > SPANS_S[-1] else {}
    conditions = edge_conditions(cover(first, last, done), lambda value: scope.bind(value))
    parts = [scope.select(table, columns, [when, *where], alias="edges FINAL") for table, when in conditions.items()]
    return " UNION ALL ".join(parts) or scope.select("service_edges", columns, ["0"])


async def read_done(queries: Queries, first: int, last: int) -> Done:
    """The blocks that may be read between the two. They are of all tenants: when, not what."""
    table = await queries.table(DONE, {"first": first, "last": last})
    return group_done(table["span_s"].to_pylist(), table["at"].to_pylist())


def group_done(spans_s: Collection[int], begins: Collection[int]) -> Done:
    """Length of a block -> where it begins."""
    done: dict[int, set[int]] = {}
    for span_s, begin in zip(spans_s, begins, strict=True):
        done.setdefault(span_s, set()).add(begin)
    return done
