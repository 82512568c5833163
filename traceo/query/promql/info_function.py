"""info(): adds labels of info metrics, such as `target_info`, to series with the same instance and job."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from traceo.errors import QueryError
from traceo.query.promql.ast import Call, Matcher, Node, Selector
from traceo.query.promql.selectors import matches
from traceo.query.promql.values import Bools, Grid, Ints, Labels, merge_same_labels, show_labels, stack

IDENTIFYING = ("instance", "job")
TARGET_INFO, ANY_INFO = Matcher("__name__", "=", "target_info"), Matcher("__name__", "=~", ".+_info")


def with_info_selector(node: Call) -> Call:
    """The call with a second argument that selects the info metrics: `target_info` when it names none, and of those
    that are called so when it only says which are not meant.
    """
    given = node.args[1] if len(node.args) > 1 else Selector("", ())
    assert isinstance(given, Selector)
    names = [matcher for matcher in given.matchers if matcher.name == "__name__"]
    if all(matcher.op.startswith("!") for matcher in names):
        given = replace(given, matchers=(*given.matchers, ANY_INFO if names else TARGET_INFO))
    return replace(node, args=(node.args[0], given))


def add_info_labels(base: Grid, info: Grid, times: Ints, selector: Node) -> Grid:
    """`base` with the labels of the info series of each step. `times`: when each cell of `info` was written, in ms.

    A matcher of the selector asks for its label only; a series without a partner goes if a matcher needs one. Raises
    QueryError where two partners disagree, and where an info series has histograms.
    """
    assert isinstance(selector, Selector)
    if len(base.labels) and info.histograms is not None and any(h is not None for h in info.histograms[info.present]):
        raise QueryError("info sample should be float")
    names = [matcher for matcher in selector.matchers if matcher.name == "__name__"]
    wanted = [matcher for matcher in selector.matchers if matcher.name != "__name__"]
    optional = all(matches(matcher, "") for matcher in wanted)
    rows_by_key: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, labels in enumerate(info.labels):
        rows_by_key[_key(labels)].append(row)
    made = []
    for row, labels in enumerate(base.labels):
        one = base.rows(np.array([row]))
        if all(matches(matcher, labels.get("__name__", "")) for matcher in names):  # an info metric itself
            made.append(one)
            continue
        rows = np.array(rows_by_key.get(_key(labels), []), dtype=np.int64)
        for chosen, steps in _partners(info, times, rows, one.present[0]):
            added = _added(labels, [info.labels[partner] for partner in chosen], {matcher.name for matcher in wanted})
            if chosen or optional:
                made.append(replace(one, labels=[{**labels, **added}], present=one.present & steps))
    return merge_same_labels(stack(made).compact()) if made else base.rows(np.zeros(0, dtype=np.int64))


def _key(labels: Labels) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in IDENTIFYING)


def _partners(info: Grid, times: Ints, rows: Ints, needed: Bools) -> Iterator[tuple[list[int], Bools]]:
    """Which info series count at which of the needed steps: of several of one metric, the one written last."""
    if not len(rows):
        yield [], np.ones(info.present.shape[1], dtype=bool)
        return
    present = info.present[rows] & needed
    written = np.where(present, times[rows], np.iinfo(np.int64).min)
    metrics = np.array([info.labels[row].get("__name__", "") for row in rows])
    for metric in np.unique(metrics):
        same = np.flatnonzero(metrics == metric)
        newest = present[same] & (written[same] == written[same].max(axis=0))
        if (newest.sum(axis=0) > 1).any():
            step = int(np.flatnonzero(newest.sum(axis=0) > 1)[0])
            one, other = (
                f"{show_labels(info.labels[row])} @ {times[row, step]}" for row in rows[same[newest[:, step]]][:2]
            )
            raise QueryError(f"found duplicate series for info metric: existing {one}, new {other}")
        present[same] = newest
    patterns, which = np.unique(present, axis=1, return_inverse=True)
    for number in range(patterns.shape[1]):
        yield rows[patterns[:, number]].tolist(), which.ravel() == number


def _added(base: Labels, partners: Sequence[Labels], wanted: set[str]) -> Labels:
    added: Labels = {}
    for labels in partners:
        for name, value in labels.items():
            is_meant = name != "__name__" and name not in base and (not wanted or name in wanted)
            if is_meant and added.setdefault(name, value) != value:
                raise QueryError(f"conflicting label: {name}")
    return added
