"""What single native histograms say: quantiles, fractions, spread, parts below and above a bound; sums of many."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from traceo.query.promql.histogram import Aligned, Floats, Histogram, Side
from traceo.query.promql.kernels import means, sums


def quantile(share: float, h: Histogram) -> tuple[float, str]:
    """The value below which that share of observations lies, and what NaN observations do to it ("", skewed, NaN)."""
    if math.isnan(share) or (0 <= share <= 1 and h.count == 0):
        return math.nan, ""
    if not 0 <= share <= 1:
        return math.copysign(math.inf, share), ""
    forward = math.isnan(h.sum) or share < 0.5
    lower, upper, counts = _used(h)
    rank = share * h.count if forward else (1 - share) * h.count
    order = slice(None) if forward else slice(None, None, -1)
    reached = np.cumsum(counts[order])
    found = int(np.searchsorted(reached, rank))
    if found >= len(reached):
        if math.isnan(h.sum) or not len(reached):
            return math.nan, "NaN" if math.isnan(h.sum) else ""
        found, rank = len(reached) - 1, float(reached[-1])
    low, high, count = lower[order][found], upper[order][found], counts[order][found]
    before = reached[found] - count
    fraction = (rank - before) / count
    return _inside(h, float(low), float(high), fraction if forward else 1 - fraction), "skewed" if math.isnan(
        h.sum
    ) else ""


def _inside(h: Histogram, low: float, high: float, fraction: float) -> float:
    """The value at a fraction of a bucket."""
    if h.is_custom:
        if low == -math.inf:
            if high <= 0:
                return high
            low = 0.0
        elif high == math.inf:
            return low
        return low + (high - low) * fraction
    if low <= 0 <= high:
        low, high = _zero_bounds(h, low, high)
        return low + (high - low) * fraction
    log_low, log_high = math.log2(abs(low)), math.log2(abs(high))
    if low > 0:
        return math.exp2(log_low + (log_high - log_low) * fraction)
    return -math.exp2(log_high + (log_low - log_high) * (1 - fraction))


def _zero_bounds(h: Histogram, low: float, high: float) -> tuple[float, float]:
    """Observations near zero are on the side where all others are."""
    if len(h.positive.indexes) and not len(h.negative.indexes):
        return 0.0, high
    if len(h.negative.indexes) and not len(h.positive.indexes):
        return low, 0.0
    return low, high


def _used(h: Histogram) -> tuple[Floats, Floats, Floats]:
    lower, upper, counts = h.buckets()
    used = counts != 0
    return lower[used], upper[used], counts[used]


def fraction(low: float, high: float, h: Histogram) -> float:
    """The share of observations between two bounds; NaN observations are in none."""
    if h.count == 0 or math.isnan(low) or math.isnan(high):
        return math.nan
    if low >= high:
        return 0.0
    return (_rank(high, h) - _rank(low, h)) / h.count


def _rank(bound: float, h: Histogram) -> float:
    """How many observations lie below a bound."""
    lower, upper, counts = _used(h)
    total = float(counts.sum()) if math.isnan(h.sum) else h.count
    rank = 0.0
    for left, right, count in zip(lower.tolist(), upper.tolist(), counts.tolist(), strict=True):
        if h.is_custom and left == -math.inf and right > 0:
            left = 0.0
        if not h.is_custom and left <= 0 <= right:
            left, right = _zero_bounds(h, left, right)
        if left >= bound:
            return float(min(rank, total))
        if right > bound:
            return float(min(rank + count * _share_below(h, left, right, bound), total))
        rank += count
    return float(total)


def _share_below(h: Histogram, left: float, right: float, bound: float) -> float:
    if left == -math.inf:
        return 1.0
    if right == math.inf:
        return 0.0
    if h.is_custom or left <= 0 <= right:
        return (bound - left) / (right - left)
    log_left, log_right, log_bound = (math.log2(abs(value)) for value in (left, right, bound))
    if bound > 0:
        return (log_bound - log_left) / (log_right - log_left)
    return 1 - (log_bound - log_right) / (log_left - log_right)


def variance(h: Histogram) -> float:
    """Of its observations, as if each lay in the middle of its bucket."""
    lower, upper, counts = _used(h)
    with np.errstate(all="ignore"):
        mean = np.float64(h.sum) / h.count
        if h.is_custom:
            middle = (lower + upper) / 2
        else:
            middle = np.where((lower <= 0) & (upper >= 0), 0.0, np.sign(upper) * np.sqrt(lower * upper))
        terms = counts * (middle - mean) ** 2
        total = sums(terms, np.array([0]), np.array([len(terms)]))[0]
        return float(np.float64(total) / h.count)


def trim(h: Histogram, bound: float, *, keep_lower: bool) -> Histogram:
    """The part up to a bound (`</`), or above it (`>/`). The sum is estimated from the middle of what remains."""
    if math.isnan(bound) or bound == (math.inf if keep_lower else -math.inf):
        return h
    lower, upper, counts = h.buckets()
    kept, middles = np.zeros(len(counts)), np.zeros(len(counts))
    for number, (left, right, count) in enumerate(zip(lower.tolist(), upper.tolist(), counts.tolist(), strict=True)):
        part = _custom_part if h.is_custom else _exponential_part
        share, middles[number] = part(h, left, right, bound, keep_lower)
        kept[number] = count * share
    if np.array_equal(kept, counts):
        return h
    total = float(np.sum(np.where(kept != 0, kept * middles, 0.0)))
    trimmed = replace(h, count=float(kept.sum()), sum=total)
    if h.is_custom:
        return replace(trimmed, positive=Side(h.positive.indexes, kept)).compact()
    below = len(h.negative.indexes)
    zero = 1 if h.zero_count != 0 else 0
    negative, positive = Side(h.negative.indexes, kept[:below][::-1]), Side(h.positive.indexes, kept[below + zero :])
    zero_count = float(kept[below]) if zero else 0.0
    return replace(trimmed, zero_count=zero_count, negative=negative, positive=positive).compact()


def _exponential_part(h: Histogram, left: float, right: float, bound: float, keep_lower: bool) -> tuple[float, float]:
    """The share of a bucket that remains, and the middle of that part."""
    zero = left <= 0 <= right
    if zero:
        left, right = _zero_bounds(h, left, right)
    start, end = (left, min(right, bound)) if keep_lower else (max(left, bound), right)
    if start >= end:
        return 0.0, 0.0
    middle = (start + end) / 2 if zero else math.copysign(math.sqrt(start * end), end)
    if (start, end) == (left, right):
        return 1.0, middle
    below = _share_below(h, left, right, bound)
    return (below if keep_lower else 1 - below), middle


def _custom_part(h: Histogram, left: float, right: float, bound: float, keep_lower: bool) -> tuple[float, float]:
    """As above. Nothing is known of where observations lie in a bucket without end: it remains or goes whole."""
    if left == -math.inf and right == math.inf:
        return 0.0, 0.0
    if right == math.inf:
        return (0.0, 0.0) if keep_lower or bound == math.inf else (1.0, max(left, bound))
    if left == -math.inf and right > 0 and (keep_lower or bound >= 0):
        left = 0.0
    if left == -math.inf:
        return (1.0, min(right, bound)) if keep_lower else (0.0, 0.0)
    start, end = (left, min(right, bound)) if keep_lower else (max(left, bound), right)
    return ((end - start) / (right - left), (start + end) / 2) if start < end else (0.0, 0.0)


def combine(aligned: Aligned, *, average: bool = False) -> Histogram:
    """The sum or average of histograms of one layout, with compensated addition."""
    reducer = means if average else sums
    histograms = aligned.histograms
    positive, positive_counts = _table([h.positive for h in histograms])
    negative, negative_counts = _table([h.negative for h in histograms])
    numbers = np.array([[h.count, h.sum, h.zero_count] for h in histograms])
    table = np.concatenate([numbers, positive_counts, negative_counts], axis=1).T
    rows = np.arange(len(table)) * len(histograms)
    with np.errstate(all="ignore"):
        made = reducer(np.ascontiguousarray(table).ravel(), rows, rows + len(histograms))
    split = 3 + len(positive)
    return replace(
        histograms[0],
        count=float(made[0]),
        sum=float(made[1]),
        zero_count=float(made[2]),
        positive=Side(positive, made[3:split]),
        negative=Side(negative, made[split:]),
        hint=aligned.hint,
    )


def _table(sides: list[Side]) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Floats]:
    """All indexes, and the counts of each side under them."""
    indexes = np.unique(np.concatenate([side.indexes for side in sides]))
    table = np.zeros((len(sides), len(indexes)))
    for row, side in enumerate(sides):
        table[row, np.searchsorted(indexes, side.indexes)] = side.counts
    return indexes, table
