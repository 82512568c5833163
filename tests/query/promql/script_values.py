"""Points as the scripts write them: `5`, `2+3x2`, `_x4`, `stale`, `{{schema:1 sum:3 count:22 buckets:[5 10 7]}}`."""

import re
from dataclasses import dataclass

import numpy as np

from traceo.query.promql.histogram import Hint, Histogram, Side, add

TOKEN = re.compile(r"\{\{.*?\}\}(?:[+-]\{\{.*?\}\})?(?:x\d+)?|\S+")
NUMBER = r"[+-]?(?:Inf|NaN|[\d.]+(?:e[+-]?\d+)?)"
REPEATED = re.compile(
    rf"(?P<base>{{{{.*?}}}}|{NUMBER}|_|stale)(?:(?P<sign>[+-])(?P<step>{{{{.*?}}}}|{NUMBER}))?(?:x(?P<times>\d+))?"
)
FIELD = re.compile(r"(\w+):(\[[^\]]*\]|\S+)")
HINTS = {"unknown": Hint.UNKNOWN, "reset": Hint.RESET, "not_reset": Hint.NOT_RESET, "gauge": Hint.GAUGE}


@dataclass(frozen=True, slots=True)
class Stale:
    """A stale marker."""


Value = float | Histogram | Stale | None


def parse_values(text: str) -> list[Value]:
    """The points of a line; None where there is none."""
    values: list[Value] = []
    for token in TOKEN.findall(text):
        values.extend(_expand(token))
    return values


def _expand(token: str) -> list[Value]:
    found = REPEATED.fullmatch(token)
    if not found or found["times"] is None:
        return [_single(token)]
    base, times = _single(found["base"]), int(found["times"])
    if base is None:
        return [None] * times
    if found["step"] is None:
        return [base] * (times + 1)
    step, subtract = _single(found["step"]), found["sign"] == "-"
    values: list[Value] = [base]
    for number in range(times):
        if isinstance(base, Histogram) and isinstance(step, Histogram):
            previous = values[-1]
            assert isinstance(previous, Histogram)
            values.append(add(previous, step, subtract=subtract).histogram)
        else:
            assert isinstance(base, float) and isinstance(step, float)
            values.append(base + (number + 1) * (-step if subtract else step))
    return values


def _single(token: str) -> Value:
    if token == "_":
        return None
    if token == "stale":
        return Stale()
    if token.startswith("{{"):
        return parse_histogram(token)
    return float(token.replace("Inf", "inf"))


def parse_histogram(token: str) -> Histogram:
    fields = dict(FIELD.findall(token[2:-2]))

    def numbers(name: str) -> np.ndarray:
        return np.array([float(item) for item in fields.get(name, "[]")[1:-1].split()])

    def side(counts: str, offset: str) -> Side:
        values = numbers(counts)
        start = int(fields.get(offset, 0))
        return Side(np.arange(start, start + len(values), dtype=np.int64), values)

    return Histogram(
        schema=int(fields.get("schema", 0)),
        zero_threshold=float(fields.get("z_bucket_w", 0)),
        zero_count=float(fields.get("z_bucket", 0)),
        count=float(fields.get("count", 0)),
        sum=float(fields.get("sum", 0)),
        positive=side("buckets", "offset"),
        negative=side("n_buckets", "n_offset"),
        custom_bounds=tuple(numbers("custom_values").tolist()),
        hint=HINTS[fields.get("counter_reset_hint", "unknown")],
    ).compact()
