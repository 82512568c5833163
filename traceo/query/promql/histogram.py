"""Native histograms: one point, and arithmetic between points. Formulas are those of Prometheus' `FloatHistogram`.

Bucket i of schema s reaches from base^(i-1), excluded, to base^i, with base = 2^(2^-s). Schema -53 has custom bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from traceo.query.promql.numbers import format_short

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
CUSTOM = -53


class Hint(IntEnum):
    """Whether a counter was reset just before; values as in the table `native_histograms`."""

    UNKNOWN = 0
    RESET = 1
    NOT_RESET = 2
    GAUGE = 3


class IncompatibleSchemas(Exception):
    """Exponential and custom buckets cannot be added."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Buckets above or below zero: ascending indexes and their counts."""

    indexes: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    counts: Floats = field(default_factory=lambda: np.zeros(0))

    def compact(self) -> Side:
        """Without empty buckets."""
        kept = self.counts != 0
        return self if kept.all() else Side(self.indexes[kept], self.counts[kept])

    def reduced(self, steps: int) -> Side:
        """At a resolution that is `steps` schemas lower."""
        if not steps or not len(self.indexes):
            return self
        return side_of(((self.indexes - 1) >> steps) + 1, self.counts)

    def scaled(self, factor: float) -> Side:
        """All counts times a factor."""
        return Side(self.indexes, self.counts * factor)


def side_of(indexes: Ints, counts: Floats) -> Side:
    """Buckets in any order, the same index perhaps several times."""
    unique, inverse = np.unique(indexes, return_inverse=True)
    summed = np.bincount(inverse, weights=counts, minlength=len(unique))
    return Side(unique, summed.astype(np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """One native histogram. Counts are absolute, and may be negative in results."""

    schema: int = 0
    zero_threshold: float = 0.0
    zero_count: float = 0.0
    count: float = 0.0
    sum: float = 0.0
    positive: Side = Side()
    negative: Side = Side()
    custom_bounds: tuple[float, ...] = ()
    hint: Hint = Hint.UNKNOWN

    @property
    def is_custom(self) -> bool:
        """Whether its buckets have bounds of their own."""
        return self.schema == CUSTOM

    def scaled(self, factor: float) -> Histogram:
        """Times a factor; a negative one makes it a gauge."""
        with np.errstate(all="ignore"):
            return replace(
                self,
                zero_count=self.zero_count * factor,
                count=self.count * factor,
                sum=self.sum * factor,
                positive=self.positive.scaled(factor),
                negative=self.negative.scaled(factor),
                hint=Hint.GAUGE if factor < 0 else self.hint,
            )

    def divided(self, divisor: float) -> Histogram:
        """Over a number. Over zero no buckets remain, because their counts would be NaN or infinite."""
        with np.errstate(all="ignore"):
            numbers = np.array([self.zero_count, self.count, self.sum]) / divisor
            positive = Side(self.positive.indexes, self.positive.counts / divisor)
            negative = Side(self.negative.indexes, self.negative.counts / divisor)
        if divisor == 0:
            positive = negative = Side()
        zero_count, count, total = map(float, numbers)
        hint = Hint.GAUGE if divisor < 0 else self.hint
        return replace(
            self, zero_count=zero_count, count=count, sum=total, positive=positive, negative=negative, hint=hint
        )

    def with_hint(self, hint: Hint) -> Histogram:
        """The same with another hint."""
        return self if hint == self.hint else replace(self, hint=hint)

    def compact(self) -> Histogram:
        """Without empty buckets."""
        return replace(self, positive=self.positive.compact(), negative=self.negative.compact())

    def at_schema(self, schema: int) -> Histogram:
        """At a lower resolution."""
        if self.is_custom or schema >= self.schema:
            return self
        steps = self.schema - schema
        return replace(
            self, schema=schema, positive=self.positive.reduced(steps), negative=self.negative.reduced(steps)
        )

    def with_zero_threshold(self, threshold: float) -> Histogram:
        """With a wider zero bucket; wider still where that would divide a bucket that is not empty."""
        if threshold <= self.zero_threshold:
            return self
        count, threshold = self.zero_count_within(threshold)
        kept = []
        for side in (self.positive, self.negative):
            lower = bucket_bounds(self.schema, side.indexes)[0]
            inside = lower < threshold
            kept.append(Side(side.indexes[~inside], side.counts[~inside]))
        return replace(self, zero_threshold=threshold, zero_count=count, positive=kept[0], negative=kept[1])

    def zero_count_within(self, threshold: float) -> tuple[float, float]:
        """How many observations lie within a threshold, and the threshold that no bucket in use crosses."""
        if threshold == self.zero_threshold:
            return self.zero_count, threshold
        sides = [(*bucket_bounds(self.schema, side.indexes), side.counts) for side in (self.positive, self.negative)]
        while True:
            crossed = [
                upper[(lower < threshold) & (upper > threshold) & (counts != 0)] for lower, upper, counts in sides
            ]
            beyond = np.concatenate(crossed)
            if not len(beyond):
                break
            threshold = float(beyond.max())
        inside = sum(float(counts[lower < threshold].sum()) for lower, _, counts in sides)
        return self.zero_count + inside, threshold

    def buckets(self) -> tuple[Floats, Floats, Floats]:
        """Lower bounds, upper bounds and counts of all buckets, ascending; the zero bucket among them."""
        if self.is_custom:
            bounds = np.array([-np.inf, *self.custom_bounds, np.inf])
            indexes = self.positive.indexes
            return bounds[indexes], bounds[indexes + 1], self.positive.counts
        low, high = bucket_bounds(self.schema, self.negative.indexes)
        lower, upper, counts = -high[::-1], -low[::-1], self.negative.counts[::-1]
        if self.zero_count != 0:
            lower = np.append(lower, -self.zero_threshold)
            upper = np.append(upper, self.zero_threshold)
            counts = np.append(counts, self.zero_count)
        low, high = bucket_bounds(self.schema, self.positive.indexes)
        return (
            np.concatenate([lower, low]),
            np.concatenate([upper, high]),
            np.concatenate([counts, self.positive.counts]),
        )

    def equals(self, other: Histogram) -> bool:
        """Whether all numbers are the same; hints do not count."""
        mine, others = self.compact(), other.compact()
        numbers = [(h.schema, h.zero_threshold, h.zero_count, h.count, h.sum, h.custom_bounds) for h in (mine, others)]
        return numbers[0] == numbers[1] and all(
            np.array_equal(getattr(a, name), getattr(b, name))
            for a, b in ((mine.positive, others.positive), (mine.negative, others.negative))
            for name in ("indexes", "counts")
        )

    def text(self) -> str:
        """As Prometheus writes it: `{count:3, sum:4, (1,2]:3}`."""
        parts = [f"count:{format_short(self.count)}", f"sum:{format_short(self.sum)}"]
        for lower, upper, count in zip(*self.buckets(), strict=True):
            zero = lower <= 0 <= upper and not self.is_custom
            left = "[" if lower < 0 and not self.is_custom else "("
            right = ")" if upper <= 0 and not zero and not self.is_custom else "]"
            if count:
                bounds = f"{left}{format_short(float(lower))},{format_short(float(upper))}{right}"
                parts.append(f"{bounds}:{format_short(float(count))}")
        return f"{{{', '.join(parts)}}}"


def bucket_bounds(schema: int, indexes: Ints) -> tuple[Floats, Floats]:
    """Lower and upper bounds of exponential buckets."""
    scale = 2.0**-schema
    with np.errstate(over="ignore"):
        return np.exp2((indexes - 1) * scale), np.exp2(indexes * scale)


@dataclass(frozen=True, slots=True)
class Aligned:
    """Histograms of equal layout, ready to be added bucket by bucket."""

    histograms: list[Histogram]
    reconciled: bool  # custom bounds differed
    collision: bool  # one follows a reset and another does not
    hint: Hint


def align(histograms: list[Histogram]) -> Aligned:
    """To one resolution, zero bucket and bounds. Raises IncompatibleSchemas."""
    if len({h.is_custom for h in histograms}) > 1:
        raise IncompatibleSchemas
    hint, collision = _common_hint([h.hint for h in histograms])
    if histograms[0].is_custom:
        bounds = {h.custom_bounds for h in histograms}
        if len(bounds) > 1:
            common = tuple(sorted(set.intersection(*(set(each) for each in bounds))))
            histograms = [_with_bounds(h, common) for h in histograms]
        return Aligned(histograms, len(bounds) > 1, collision, hint)
    while len({h.zero_threshold for h in histograms}) > 1:
        widest = max(h.zero_threshold for h in histograms)
        histograms = [h.with_zero_threshold(widest) for h in histograms]
    schema = min(h.schema for h in histograms)
    return Aligned([h.at_schema(schema) for h in histograms], False, collision, hint)


def _with_bounds(h: Histogram, bounds: tuple[float, ...]) -> Histogram:
    """Over fewer custom bounds, which are among its own."""
    if h.custom_bounds == bounds:
        return h
    upper = np.array([*h.custom_bounds, np.inf])[h.positive.indexes]
    return replace(h, custom_bounds=bounds, positive=side_of(np.searchsorted(bounds, upper), h.positive.counts))


def _common_hint(hints: list[Hint]) -> tuple[Hint, bool]:
    """The hint of a sum, and whether some follow a reset and others do not."""
    collision = Hint.RESET in hints and Hint.NOT_RESET in hints
    if Hint.GAUGE in hints:
        return Hint.GAUGE, collision
    return (hints[0] if len(set(hints)) == 1 else Hint.UNKNOWN), collision


@dataclass(frozen=True, slots=True)
class Combined:
    """A result of arithmetic, and what a user should know of it."""

    histogram: Histogram
    reconciled: bool
    collision: bool


def add(one: Histogram, other: Histogram, *, subtract: bool = False) -> Combined:
    """Their sum, or difference, which is a gauge. Raises IncompatibleSchemas."""
    aligned = align([one, other])
    left, right = aligned.histograms
    sign = -1.0 if subtract else 1.0
    with np.errstate(all="ignore"):
        made = replace(
            left,
            zero_count=left.zero_count + sign * right.zero_count,
            count=left.count + sign * right.count,
            sum=left.sum + sign * right.sum,
            positive=_add_sides(left.positive, right.positive, sign),
            negative=_add_sides(left.negative, right.negative, sign),
            hint=Hint.GAUGE if subtract else aligned.hint,
        )
    return Combined(made, aligned.reconciled, aligned.collision)


def _add_sides(one: Side, other: Side, sign: float) -> Side:
    if not len(other.indexes):
        return one
    return side_of(np.concatenate([one.indexes, other.indexes]), np.concatenate([one.counts, sign * other.counts]))


def is_reset(current: Histogram, previous: Histogram, *, trust_hint: bool = True) -> bool:
    """Whether a counter was reset between two points."""
    if trust_hint and current.hint in (Hint.RESET, Hint.NOT_RESET):
        return current.hint == Hint.RESET
    if current.count < previous.count or current.is_custom != previous.is_custom:
        return True
    if current.is_custom:
        aligned = align([current.with_hint(Hint.UNKNOWN), previous.with_hint(Hint.UNKNOWN)]).histograms
        return _is_less(aligned[0].positive, aligned[1].positive)
    if current.schema > previous.schema or current.zero_threshold < previous.zero_threshold:
        return True
    zero_count, threshold = previous.zero_count_within(current.zero_threshold)
    if threshold != current.zero_threshold or current.zero_count < zero_count:
        return True
    before = previous.with_zero_threshold(current.zero_threshold).at_schema(current.schema)
    return _is_less(current.positive, before.positive) or _is_less(current.negative, before.negative)


def _is_less(current: Side, previous: Side) -> bool:
    """Whether a bucket has fewer observations than before."""
    if np.array_equal(current.indexes, previous.indexes):
        return bool((current.counts < previous.counts).any())
    before = previous.compact()
    place = np.searchsorted(current.indexes, before.indexes)
    if not len(current.indexes):
        return bool((before.counts > 0).any())
    near = np.minimum(place, len(current.indexes) - 1)
    now = np.where(current.indexes[near] == before.indexes, current.counts[near], 0.0)
    return bool((now < before.counts).any())
