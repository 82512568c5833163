"""What is done with series: arithmetic of two sets of them, topk and bottomk, thresholds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from traceo.query.traceql.ast import Ranked, Rest, Threshold
from traceo.query.traceql.structure import COMPARED

Floats = npt.NDArray[np.float64]
NAME = "__name__"  # the label of a series that has no other


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A span that a series counts."""

    trace_id: str
    span_id: str
    at_ns: int
    value: float


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """A series: typed labels, and a value for each step (NaN: none)."""

    labels: dict[str, Any]
    values: Floats
    exemplars: list[Exemplar] = field(default_factory=list)


def _divide(left: Floats, right: Floats) -> Floats:
    return np.where(right == 0, np.nan, left / np.where(right == 0, 1.0, right))


ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": _divide,
}  # fmt: skip


def calculate(op: str, left: list[MetricSeries], right: list[MetricSeries]) -> list[MetricSeries]:
    """Series with the same labels computed with one another; one without labels goes with each of the other side.

    No value counts as 0; a division by 0 has none.
    """
    sides = [{_key(each): each for each in side} for side in (left, right)]
    made = []
    for key in sides[0] if () in sides[1] else sides[1]:
        pair = [side.get(key, side.get(())) for side in sides]
        if pair[0] is None or pair[1] is None:
            continue
        values = ARITHMETIC[op](np.nan_to_num(pair[0].values), np.nan_to_num(pair[1].values))
        labels = dict(key) or {NAME: f"({pair[0].labels.get(NAME, '')} {op} {pair[1].labels.get(NAME, '')})"}
        made.append(MetricSeries(labels, values, pair[0].exemplars + pair[1].exemplars))
    return made


def _key(series: MetricSeries) -> tuple[tuple[str, Any], ...]:
    return tuple((name, value) for name, value in series.labels.items() if name != NAME)


def leave(rest: Rest, series: list[MetricSeries]) -> list[MetricSeries]:
    """What the further stages leave, at each step; series that keep no value are left out."""
    for stage in rest:
        if not series:
            break
        values = np.stack([each.values for each in series])
        kept = _ranked(stage, values) if isinstance(stage, Ranked) else _above(stage, values)
        found = np.where(kept, values, np.nan)
        series = [replace(each, values=row) for each, row in zip(series, found, strict=True) if not np.isnan(row).all()]
    return series


def _ranked(stage: Ranked, values: Floats) -> npt.NDArray[np.bool_]:
    keys = np.where(np.isnan(values), np.inf, -values if stage.op == "topk" else values)
    ranks = np.argsort(np.argsort(keys, axis=0, kind="stable"), axis=0, kind="stable")
    return np.asarray((ranks < stage.count) & np.isfinite(keys))


def _above(stage: Threshold, values: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(COMPARED[stage.op](values, np.full_like(values, stage.number)) & ~np.isnan(values))
