"""Results that are taken again for a moment."""

import pyarrow as pa
import pytest

from traceo.query.recent import MAX_ROWS, MAX_TABLES, RecentTables


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def rows(count: int) -> pa.Table:
    return pa.table({"n": range(count)})


def test_a_result_is_as_old_as_its_question() -> None:
    clock = Clock()
    recent = RecentTables(clock)
    since = recent.now()
    clock.now += 0.5
    recent.put(("a", 1), rows(1), since)
    assert recent.get(("a", 1)) == rows(1)
    assert recent.get(("b", 1)) is None
    clock.now += 0.5
    assert recent.get(("a", 1)) is None and recent.last(("a", 1)) == rows(1)


@pytest.mark.parametrize(("count", "kept"), [(0, False), (1, True), (MAX_ROWS, True), (MAX_ROWS + 1, False)])
def test_neither_nothing_nor_much_is_kept(count: int, kept: bool) -> None:
    recent = RecentTables()
    recent.put("a", rows(1), recent.now())
    recent.put("a", rows(count), recent.now())
    assert (recent.get("a") == rows(count)) is kept


def test_the_oldest_make_room() -> None:
    recent = RecentTables()
    for number in range(MAX_TABLES + 1):
        recent.put(number, rows(1), recent.now())
    assert [recent.get(number) is None for number in (0, 1, MAX_TABLES)] == [True, False, False]
