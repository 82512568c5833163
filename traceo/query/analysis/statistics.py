"""Tests and effect sizes, each with its source. Shares may be of weighted counts: then `size` is the effective one."""

import math
from collections.abc import Sequence

import numpy as np

from traceo.query.analysis.columns import Numbers

SMALL = 5.0  # an expected count below which a normal approximation is not to be trusted (Cochran 1954)
MAX_EXACT = 200_000  # observations of a table that is tested exactly


def compare_shares(share: tuple[float, float], size: tuple[float, float]) -> float:
    """The two-sided p-value of two shares being one: Fisher's exact test where a cell is small, else pooled z."""
    if min(size) < 1:
        return 1.0
    pooled = (share[0] * size[0] + share[1] * size[1]) / (size[0] + size[1])
    expected = min(pooled, 1 - pooled) * min(size)
    if expected < SMALL and sum(size) <= MAX_EXACT:
        whole = (round(size[0]), round(size[1]))
        hits = tuple(min(round(part * count), count) for part, count in zip(share, whole, strict=True))
        return fisher_exact(hits[0], whole[0] - hits[0], hits[1], whole[1] - hits[1])
    spread = pooled * (1 - pooled) * (1 / size[0] + 1 / size[1])
    if spread <= 0:
        return 1.0
    return math.erfc(abs(share[0] - share[1]) / math.sqrt(2 * spread))


def fisher_exact(a: int, b: int, c: int, d: int) -> float:
    """Two-sided, of the table [[a, b], [c, d]]: all tables that are no more likely (Fisher 1935)."""
    row, column, total = a + b, a + c, a + b + c + d
    least, most = max(0, row + column - total), min(row, column)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])
    hits = np.arange(least, most + 1)
    chance = -(logs[hits] + logs[row - hits] + logs[column - hits] + logs[total - row - column + hits])
    chance += logs[row] + logs[total - row] + logs[column] + logs[total - column] - logs[total]
    likely = np.exp(chance)
    seen = likely[a - least]
    return float(min(1.0, likely[likely <= seen * (1 + 1e-7)].sum()))


def chi_square(
    square: float, cells: Sequence[tuple[float, float]], told: int, size: tuple[float, float]
) -> tuple[float, float]:
    """The p-value of a table of 2 columns by Pearson's test (1900), and its effect size: Cramér's V, corrected for what
    chance alone makes of many rows (Bergsma 2013); 0 to 1.

    `square` is the statistic of `told` rows, to which `cells` are added; `size` are the sums of the columns.
    """
    total = sum(size)
    part = size[0] / total
    more = [cell for cell in cells if sum(cell) * min(part, 1 - part) >= 1]
    square += sum((cell[0] - sum(cell) * part) ** 2 / (sum(cell) * part * (1 - part)) for cell in more)
    degrees = told + len(more) - 1
    if degrees < 1:
        return 1.0, 0.0
    excess = max(0.0, square / total - degrees / (total - 1))
    rows, columns = (count - (count - 1) ** 2 / (total - 1) for count in (degrees + 1, 2))
    return chi_square_tail(square, degrees), math.sqrt(min(1.0, excess / max(min(rows, columns) - 1, 1e-12)))


def chi_square_tail(square: float, degrees: int) -> float:
    """How likely chance reaches it (Abramowitz and Stegun 1964, 26.4.4 and 26.4.5)."""
    half, odd = square / 2, degrees % 2
    if half <= 0:
        return 1.0
    terms = np.arange(degrees // 2) + odd / 2
    logs = terms * math.log(half) - half - np.array([math.lgamma(term + 1) for term in terms])
    return min(1.0, (math.erfc(math.sqrt(half)) if odd else 0.0) + float(np.exp(logs).sum()))


def either(*p_values: float) -> float:
    """The p-value of several tests of one question: that of the least, corrected for the choice (Bonferroni 1936)."""
    found = [value for value in p_values if math.isfinite(value)]
    return min(1.0, len(found) * min(found)) if found else 1.0


def cohen_h(share: tuple[float, float]) -> float:
    """The difference of two shares on the scale on which it is as hard to see everywhere; -pi to pi (Cohen 1988)."""
    first, second = (2 * math.asin(math.sqrt(min(max(part, 0.0), 1.0))) for part in share)
    return first - second


def rank_biserial(u: float, sizes: tuple[int, int]) -> float:
    """Of Mann-Whitney's U of the first sample: how much more often it is the larger one, -1 to 1 (Wendt 1972)."""
    return 2 * u / (sizes[0] * sizes[1]) - 1 if min(sizes) else 0.0


def adjust(p_values: Sequence[float], tests: int = 0) -> Numbers:
    """Benjamini and Hochberg (1995): the least rate of false discoveries at which each one counts.

    `tests`: how many were looked at, if more than those that are given. The others are taken for the larger ones: if
    they are not, the result is too large, never too small.
    """
    count = max(tests, len(p_values))
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, np.float64)[order] * count / np.arange(1, len(p_values) + 1)
    found = np.empty(len(p_values))
    found[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return found


def effective_size(weights: float, squares: float) -> float:
    """How many equal observations tell as much as weighted ones: (sum w)^2 / sum w^2 (Kish 1965)."""
    return weights * weights / squares if squares > 0 else 0.0
