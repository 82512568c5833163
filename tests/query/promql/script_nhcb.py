"""`load_with_nhcb`: classic histograms are loaded as native ones with custom buckets, too."""

from collections import defaultdict
from itertools import pairwise

import numpy as np

from tests.query.promql.script_values import Value
from traceo.query.promql.histogram import Histogram, Side

Key = frozenset[tuple[str, str]]
Data = dict[Key, dict[int, Value]]
SUFFIXES = ("_bucket", "_count", "_sum")


def as_native(loaded: Data) -> Data:
    """Native histograms of all classic ones."""
    parts: dict[Key, dict[int, dict[float | str, float]]] = defaultdict(lambda: defaultdict(dict))
    for key, points in loaded.items():
        labels = dict(key)
        name, le = labels["__name__"], labels.pop("le", None)
        suffix = next((each for each in SUFFIXES if name.endswith(each)), "")
        if not suffix or (suffix == "_bucket") != (le is not None):
            continue
        labels["__name__"] = name.removesuffix(suffix)
        part: float | str = suffix if le is None else float(le)
        for time, value in points.items():
            if isinstance(value, float):
                parts[frozenset(labels.items())][time][part] = value
    return {key: {time: _histogram(found) for time, found in times.items()} for key, times in parts.items()}


def _histogram(found: dict[float | str, float]) -> Histogram:
    bounds = sorted(part for part in found if isinstance(part, float))
    cumulative = [found[bound] for bound in bounds]
    count = found.get("_count", cumulative[-1] if cumulative else 0.0)
    if not bounds or bounds[-1] != float("inf"):
        bounds.append(float("inf"))
        cumulative.append(count)
    counts = np.array([after - before for before, after in pairwise([0.0, *cumulative])])
    return Histogram(
        schema=-53,
        count=count,
        sum=found.get("_sum", 0.0),
        positive=Side(np.arange(len(counts), dtype=np.int64), counts).compact(),
        custom_bounds=tuple(bounds[:-1]),
    )
