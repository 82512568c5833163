"""Steps of range queries that lie in the past are computed once: a dashboard asks the same again, a little later.

Kept are steps until ten minutes ago, and only as long as nothing arrives that is older: `usage.oldest_ms` tells.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from traceo.query.promql.ast import Call, Matrix, Node, Selector, unwrap, walk
from traceo.query.promql.durations import Window
from traceo.query.promql.options import Options
from traceo.query.promql.plan import Moments, plan_reads
from traceo.query.promql.presence import Presence
from traceo.query.promql.values import Grid, Points, key_of
from traceo.query.run import Queries
from traceo.query.sql import Scope

FRESH_MS = 600_000  # until then a step may change without anybody being told: senders are late
WORTH_POINTS = 50_000  # fewer are computed for less than it takes to ask whether what is known still holds
UNSEEN_S = 60  # an insert is seen so much later than the minute that it is written under, at most
CELL_BYTES, LABELS_BYTES = 9, 1000  # a value, and whether it is there; of a series
OF_WINDOW = ("start", "end", "range")  # functions of what the user asked for
DIFFERENCES = ("rate", "increase", "irate", "idelta", "delta", "changes", "resets")


@dataclass(frozen=True, slots=True)
class Steps:
    """A query's result at the steps from `first_ms` to `last_ms`, of `points` that were read from `read_s` on."""

    node: Node
    grid: Grid
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    first_ms: int = 0
    last_ms: int = 0
    read_s: float = 0.0
    points: int = 0


def find_past(queries: Queries, asked: Hashable, node: Node, window: Window) -> Steps | None:
    """The steps from the window's start on that need not be computed again, if they still hold."""
    known: Steps | None = queries.kept_answers.get(asked)
    if known is None or known.node != node or not known.first_ms <= window.start_ms <= known.last_ms:
        return None
    return known


async def still_holds(queries: Queries, tenant: str, known: Steps) -> bool:
    """Whether nothing arrived since that is as old as one of these steps."""
    scope = Scope(tenant)
    since = scope.bind(int(known.read_s) - UNSEEN_S)
    late = [
        "signal = 'metrics'",
        f"minute >= toStartOfMinute(toDateTime({since}, 'UTC'))",
        f"oldest_ms <= {scope.bind(known.last_ms)}",
    ]
    return not await queries.rows(scope, scope.select("usage", "1 AS late", late, "LIMIT 1"))


def keep_past(queries: Queries, asked: Hashable, window: Window, options: Options, steps: Steps) -> None:
    """Keep the steps of a whole answer that lie in the past, if they depend neither on the window nor on later ones.

    Not those that are computed quickly.
    """
    if steps.points < WORTH_POINTS:
        return
    last_ms = min(steps.last_ms, int(steps.read_s * 1000) - FRESH_MS)
    last_ms -= (last_ms - window.start_ms) % window.step_ms
    if last_ms < window.start_ms or steps.grid.histograms is not None:
        return
    if any(isinstance(each, Call) and each.function in OF_WINDOW for each in walk(steps.node)):
        return
    reads = plan_reads(steps.node, Moments(window.start_ms, last_ms, window.step_ms), options).values()
    if any(read.until_ms > last_ms for read in reads):
        return
    grid = _columns(steps.grid, 0, (last_ms - window.start_ms) // window.step_ms + 1)
    size = grid.present.size * CELL_BYTES + len(grid.labels) * LABELS_BYTES
    queries.kept_answers.put(asked, replace(steps, last_ms=last_ms, grid=grid), size)


def shows_running_sums(node: Node, points: Mapping[int, Points | Presence]) -> bool:
    """Whether values depend on where the reading begins: sums that run over what was read, not their differences."""
    harmless = {
        id(matrix.selector)
        for call in walk(node)
        if isinstance(call, Call)
        and call.function in DIFFERENCES
        and isinstance(matrix := unwrap(call.args[0]), Matrix)
    }
    return any(
        isinstance(each, Selector) and id(each) not in harmless and getattr(points.get(id(each)), "running", False)
        for each in walk(node)
    )


def join_steps(known: Steps, window: Window, made: Steps, steps: int) -> Steps:
    """The first of `steps`, which are known, and those that were made, as one."""
    grid = _join_grids(known, window, made.grid, steps)
    notes = ((*getattr(known, name), *getattr(made, name)) for name in ("warnings", "infos"))
    warnings, infos = (tuple(dict.fromkeys(texts)) for texts in notes)
    points = max(known.points, made.points)
    return replace(made, grid=grid, warnings=warnings, infos=infos, points=points)


def _join_grids(known: Steps, window: Window, rest: Grid, steps: int) -> Grid:
    before, after = steps - rest.present.shape[1], rest.present.shape[1]
    first = (window.start_ms - known.first_ms) // window.step_ms
    past = _columns(known.grid, first, first + before)
    rows = {key_of(labels): row for row, labels in enumerate(past.labels)}
    labels, places = list(past.labels), []
    for each in rest.labels:
        place = rows.setdefault(key_of(each), len(labels))
        if place == len(labels):
            labels.append(each)
        places.append(place)
    values, present = np.zeros((len(labels), steps)), np.zeros((len(labels), steps), dtype=bool)
    values[: len(past.labels), :before], present[: len(past.labels), :before] = past.values, past.present
    values[places, before:], present[places, before:] = rest.values, rest.present
    histograms = None
    if rest.histograms is not None and after:
        histograms = np.full(present.shape, None)
        histograms[places, before:] = rest.histograms
    return Grid(labels, values, present, np.zeros(len(labels), dtype=bool), histograms)


def _columns(grid: Grid, first: int, last: int) -> Grid:
    """Some of its steps, as a copy."""
    part = replace(grid, values=grid.values[:, first:last].copy(), present=grid.present[:, first:last].copy())
    return part.compact()
