"""Blocks and minutes make up a range: each minute once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceo.query.edge_blocks import MINUTE_S, SPANS_S, Stretch, cover

DAY = SPANS_S[0]
minutes = st.integers(0, 3 * DAY // MINUTE_S).map(lambda count: count * MINUTE_S)
done = st.fixed_dictionaries(
    {span: st.sets(st.integers(0, 3 * DAY // span - 1).map(lambda n, span=span: n * span)) for span in SPANS_S}
)


@given(minutes, minutes, done)
def test_every_minute_is_covered_once(first: int, last: int, done: dict[int, set[int]]) -> None:
    stretches = cover(first, last, done)
    at = first
    for stretch in stretches:
        assert stretch.first == at < stretch.last
        assert stretch.span_s == MINUTE_S or set(range(at, stretch.last, stretch.span_s)) <= done[stretch.span_s]
        at = stretch.last
    assert at == max(first, last) if stretches else first >= last


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (0, 2 * DAY, [Stretch(DAY, 0, 2 * DAY)]),
        (60, 1260, [Stretch(60, 60, 600), Stretch(600, 600, 1200), Stretch(60, 1200, 1260)]),
        (3000, 7200, [Stretch(600, 3000, 3600), Stretch(3600, 3600, 7200)]),
        (600, 660, [Stretch(60, 600, 660)]),
    ],
    ids=["days", "minutes around", "largest first", "less than a block"],
)
def test_largest_blocks_are_taken(first: int, last: int, expected: list[Stretch]) -> None:
    done = {span: set(range(0, 3 * DAY, span)) for span in SPANS_S}
    assert cover(first, last, done) == expected
