"""Which points an expression needs: for each selector, from the steps of the query down to its own range of time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from traceo.errors import QueryError
from traceo.query.promql.ast import Aggregate, Call, Matrix, Node, Selector, Subquery, When, children, unwrap
from traceo.query.promql.fetch import Read
from traceo.query.promql.options import TOO_MANY_SAMPLES, Options
from traceo.query.promql.values import Ints

OF_STATS = ("histogram_count", "histogram_sum", "histogram_avg")
REDUCTIONS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile")
NEED_BUCKETS = ("histogram_quantile", "histogram_quantiles", "histogram_fraction")


def plan_reads(node: Node, first_ms: int, last_ms: int, options: Options) -> dict[int, Read]:
    """What to read for each selector, by its identity; the tree MUST live as long as the result."""
    reads: dict[int, Read] = {}
    _plan(node, first_ms, last_ms, options, reads, False)
    return reads


def _plan(node: Node, first: int, last: int, options: Options, reads: dict[int, Read], stats: bool) -> None:
    match node:
        case Selector(when=when, matchers=matchers):
            first, last = _moved(when, first, last)
            after = options.lookback_ms if node.extension else 0
            reads[id(node)] = Read(matchers, first - options.lookback_ms, last + after, stats)
        case Matrix(selector=selector):
            first, last = _moved(selector.when, first, last)
            beyond = options.lookback_ms if selector.extension else 0
            reads[id(selector)] = Read(selector.matchers, first - node.range.ms - beyond, last + beyond, stats)
        case Subquery(expr=inner, when=when):
            times = subquery_times(node, *_moved(when, first, last), options)
            if len(times):
                _plan(inner, int(times[0]), int(times[-1]), options, reads, False)
            else:
                _plan(inner, first, first, options, reads, False)
        case Aggregate() if (grouped := _only_grouped(node)) is not None:
            for child in children(node):
                _plan(child, first, last, options, reads, stats)
            needed = tuple(sorted(set(node.grouping) - {"__name__"}))
            reads[id(grouped)] = replace(reads[id(grouped)], labels=needed)
        case _:
            below = _wants_stats(node, stats)
            for child in children(node):
                _plan(child, first, last, options, reads, below)


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


def _moved(when: When, first: int, last: int) -> tuple[int, int]:
    if when.at_ms is not None:
        first = last = when.at_ms
    return first - when.offset.ms, last - when.offset.ms


def subquery_times(node: Subquery, first_ms: int, last_ms: int, options: Options) -> Ints:
    """The steps of a subquery looked at from `first_ms` to `last_ms`: multiples of its step. Raises QueryError."""
    step = node.step.ms if node.step is not None else options.evaluation_interval_ms
    start = (first_ms - node.range.ms) // step * step
    if start <= first_ms - node.range.ms:
        start += step
    if (last_ms - start) // step >= options.max_samples:
        raise QueryError(TOO_MANY_SAMPLES)
    return np.arange(start, last_ms + 1, step, dtype=np.int64)
