"""Which points an expression needs: for each selector, from the steps of the query down to its own range of time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from traceo.errors import QueryError
from traceo.query.promql.ast import Aggregate, Call, Matrix, Node, Selector, Subquery, When, children, unwrap
from traceo.query.promql.fetch import Read
from traceo.query.promql.options import TOO_MANY_SAMPLES, Options
from traceo.query.promql.values import Ints

OF_STATS = ("histogram_count", "histogram_sum", "histogram_avg")
REDUCTIONS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile")
COUNTING = ("count", "group")
NEED_BUCKETS = ("histogram_quantile", "histogram_quantiles", "histogram_fraction")


@dataclass(frozen=True, slots=True)
class Moments:
    """From `first` to `last`, `step` milliseconds apart; step 0: there is one."""

    first: int
    last: int
    step: int

    def moved(self, when: When) -> Moments:
        """What a selector with `offset` and `@` looks at."""
        moment = when.at_ms
        made = self if moment is None else Moments(moment, moment, 0)
        return replace(made, first=made.first - when.offset.ms, last=made.last - when.offset.ms)


def moments_of(times: Ints) -> Moments:
    """Of evenly spaced times, of which there MUST be one."""
    return Moments(int(times[0]), int(times[-1]), int(times[1] - times[0]) if len(times) > 1 else 0)


def plan_reads(node: Node, moments: Moments, options: Options) -> dict[int, Read]:
    """What to read for each selector, by its identity; the tree MUST live as long as the result."""
    reads: dict[int, Read] = {}
    _plan(node, moments, options, reads, False)
    whole = {read for read in reads.values() if not read.presence}
    alike = {selector: replace(read, presence=False) for selector, read in reads.items()}
    return {selector: alike[selector] if alike[selector] in whole else read for selector, read in reads.items()}


def _plan(node: Node, moments: Moments, options: Options, reads: dict[int, Read], stats: bool) -> None:
    match node:
        case Selector(matchers=matchers):
            seen = moments.moved(node.when)
            after = options.lookback_ms if node.extension else 0
            step = 0 if node.extension else seen.step or options.lookback_ms
            reads[id(node)] = Read(matchers, seen.first - options.lookback_ms, seen.last + after, stats, step_ms=step)
        case Matrix(selector=selector):
            seen = moments.moved(selector.when)
            beyond = options.lookback_ms if selector.extension else 0
            until = seen.last + beyond
            reads[id(selector)] = Read(selector.matchers, seen.first - node.range.ms - beyond, until, stats)
        case Subquery(expr=inner):
            seen = moments.moved(node.when)
            times = subquery_times(node, seen.first, seen.last, options)
            within = moments_of(times) if len(times) else Moments(seen.first, seen.first, 0)
            _plan(inner, within, options, reads, False)
        case Aggregate() if (grouped := _only_grouped(node)) is not None:
            for child in children(node):
                _plan(child, moments, options, reads, stats)
            needed = tuple(sorted(set(node.grouping) - {"__name__"}))
            counted = node.op in COUNTING and unwrap(node.expr) is grouped
            reads[id(grouped)] = replace(reads[id(grouped)], labels=needed, presence=counted)
        case _:
            below = _wants_stats(node, stats)
            for child in children(node):
                _plan(child, moments, options, reads, below)


def _only_grouped(node: Aggregate) -> Selector | None:
    """The selector below an aggregation that looks at no other labels than those it groups by."""
    if node.without or node.op not in REDUCTIONS:
        return None
    inner = unwrap(node.expr)
    if isinstance(inner, Call) and len(inner.args) == 1 and inner.function != "absent_over_time":
        inner = unwrap(inner.args[0])
        return inner.selector if isinstance(inner, Matrix) else None
    return inner if isinstance(inner, Selector) else None


def _wants_stats(node: Node, stats: bool) -> bool:
    """Whether only counts and sums of histograms matter below: then Prometheus marks counter resets (see Read)."""
    if isinstance(node, Call) and node.function in OF_STATS:
        return True
    if isinstance(node, Call) and node.function in NEED_BUCKETS:
        return False
    return stats


def subquery_times(node: Subquery, first_ms: int, last_ms: int, options: Options) -> Ints:
    """The steps of a subquery looked at from `first_ms` to `last_ms`: multiples of its step. Raises QueryError."""
    step = node.step.ms if node.step is not None else options.evaluation_interval_ms
    start = (first_ms - node.range.ms) // step * step
    if start <= first_ms - node.range.ms:
        start += step
    if (last_ms - start) // step >= options.max_samples:
        raise QueryError(TOO_MANY_SAMPLES)
    return np.arange(start, last_ms + 1, step, dtype=np.int64)
