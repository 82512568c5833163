"""Windows of many series: those that share their times are computed together, and come out as if each were alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traceo.query.promql import windows
from traceo.query.promql.ast import Span
from traceo.query.promql.rates import _gained_by_floats
from traceo.query.promql.values import Points
from traceo.query.promql.windows import Range, find_clocks

SERIES, STEP_MS, WINDOW_MS = 24, 15_000, 60_000


def points_of(times: list[list[int]], values: list[float]) -> Points:
    lengths = [len(one) for one in times]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    flat = np.array([time for one in times for time in one], dtype=np.int64)
    labels = [{"__name__": "x_total", "series": str(number)} for number in range(len(times))]
    repeated = np.resize(np.array(values, dtype=np.float64), len(flat))
    return Points(labels, offsets, flat, repeated, np.zeros(len(times), dtype=bool))


def range_of(points: Points) -> Range:
    ends = np.arange(60_000, 400_000, STEP_MS, dtype=np.int64)
    return Range(points, ends - WINDOW_MS, ends, WINDOW_MS, Span(0, 1))


times_of_a_clock = st.lists(st.integers(0, 450), max_size=40, unique=True).map(lambda s: [1000 * t for t in sorted(s)])


@given(
    clocks=st.lists(times_of_a_clock, min_size=1, max_size=3),
    odd=st.dictionaries(st.integers(0, SERIES - 1), times_of_a_clock, max_size=3),
    values=st.lists(st.integers(0, 5).map(float) | st.just(float("nan")), min_size=1, max_size=9),
    counter=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_series_of_one_clock_come_out_as_if_each_were_alone(
    clocks: list[list[int]], odd: dict[int, list[int]], values: list[float], counter: bool
) -> None:
    points = points_of([odd.get(row, clocks[row % len(clocks)]) for row in range(SERIES)], values)
    alone = range_of(points)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "BLOCK", 100)
        blocks = alone.blocks()
    firsts = np.cumsum([0, *(len(block.points.times) for block in blocks)])
    with np.errstate(all="ignore"):
        expected = _gained_by_floats(alone, counter, 60.0)
        found = np.concatenate([_gained_by_floats(block, counter, 60.0) for block in blocks])
    there = np.concatenate([block.spread(block.reach.there) for block in blocks])
    for side in (0, 1):
        bounds = [block.bounds[side] + first for block, first in zip(blocks, firsts, strict=False)]
        np.testing.assert_array_equal(np.concatenate(bounds), alone.bounds[side])
    np.testing.assert_array_equal(there, alone.counts > 1)
    np.testing.assert_allclose(found[there], expected[there], rtol=1e-12)


def test_clocks_are_found_where_few_series_are_odd_and_not_looked_for_where_each_has_its_own() -> None:
    shared = [[0, 15_000, 30_000, 45_000]] * 20
    moved = [[0, 16_000, 30_000, 45_000], [1000, 15_000, 30_000, 45_000], []]
    found = find_clocks(points_of([*shared, *moved], [1.0]))
    assert found is not None
    of_series, firsts = found
    assert len(set(of_series[:20].tolist())) == 1
    assert len(set(of_series[19:].tolist())) == 4
    assert [len(firsts), firsts[of_series[20]], firsts[of_series[21]]] == [4, 20, 21]
    assert find_clocks(points_of([[1000 * row, 20_000 + row] for row in range(20)], [1.0])) is None
    assert find_clocks(points_of([[]] * 20, [1.0])) is None
