"""What differs between the maps of two times: beyond chance, and large enough to matter."""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from traceo.errors import InvalidRequest
from traceo.query.map_view import MapView
from traceo.query.run import Queries, Row
from traceo.query.service_map import MIN_REQUESTS, read_map
from traceo.query.services import observed_seconds
from traceo.query.sql import TimeRange

SIGNIFICANT_Z = 3.29  # p < 0.001 on both sides: a map has hundreds of edges that are all tested
MIN_RATE_CHANGE, MIN_RATIO_CHANGE, MIN_LATENCY_CHANGE = 0.5, 0.01, 0.5
MIN_MEASURED = 10 * MIN_REQUESTS  # at both times: a p95 of fewer is chance


async def diff_maps(
    queries: Queries,
    tenant: str,
    before: TimeRange,
    after: TimeRange,
    group_by: str = "",
    teams: Mapping[str, str] | None = None,
) -> Row:
    """Nodes and edges that are new, gone or changed from one range to another; grouped as `read_map` groups them.

    `changed`: the effect is large enough to matter and a test says that it is no chance (`find_changes`).
    """
    if before == after:
        raise InvalidRequest("the two time ranges are the same")
    view = MapView(group_by=group_by)
    old, new = await asyncio.gather(*(read_map(queries, tenant, between, view, teams) for between in (before, after)))
    lengths = await asyncio.gather(*(observed_seconds(queries, tenant, between) for between in (before, after)))
    return {
        "warnings": sorted({*old["warnings"], *new["warnings"]}),
        "nodes": find_differences(_by_id(old["nodes"]), _by_id(new["nodes"]), lengths),
        "edges": find_differences(_by_ends(old["edges"]), _by_ends(new["edges"]), lengths),
    }


def _by_id(nodes: Iterable[Row]) -> dict[Any, Row]:
    return {node["id"]: node for node in nodes}


def _by_ends(edges: Iterable[Row]) -> dict[Any, Row]:
    return {(edge["source"], edge["target"], edge["kind"]): edge for edge in edges}


def find_differences(old: Mapping[Any, Row], new: Mapping[Any, Row], seconds: Sequence[float]) -> Row:
    """`{"new", "gone", "changed"}` of rows by what tells them apart. `seconds`: of data, at both times."""
    pairs = [(old[key], new[key]) for key in new if key in old]
    changed = [
        {"before": first, "after": second, "changes": changes}
        for first, second in pairs
        if (changes := find_changes(first, second, seconds))
    ]
    return {
        "new": [row for key, row in new.items() if key not in old],
        "gone": [row for key, row in old.items() if key not in new],
        "changed": changed,
    }


def find_changes(old: Row, new: Row, seconds: Sequence[float]) -> list[Row]:
    """Which figures changed: `figure`, `before`, `after`, `z` (None: a quantile, by its effect alone)."""
    found = []
    rate_z = _rate_z(old["requests"], new["requests"], *seconds)
    if _relative(old["rate_per_s"], new["rate_per_s"]) >= MIN_RATE_CHANGE and abs(rate_z) >= SIGNIFICANT_Z:
        found.append(_change("rate_per_s", old, new, rate_z))
    ratio_z = _ratio_z(old, new)
    if abs(new["error_ratio"] - old["error_ratio"]) >= MIN_RATIO_CHANGE and abs(ratio_z) >= SIGNIFICANT_Z:
        found.append(_change("error_ratio", old, new, ratio_z))
    enough = min(old["requests"], new["requests"]) >= MIN_MEASURED
    if enough and _relative(old["p95_ms"], new["p95_ms"]) >= MIN_LATENCY_CHANGE:
        found.append(_change("p95_ms", old, new, None))
    return found


def _change(figure: str, old: Row, new: Row, z: float | None) -> Row:
    return {"figure": figure, "before": old[figure], "after": new[figure], "z": z}


def _relative(old: float, new: float) -> float:
    return abs(new - old) / max(min(old, new), 1e-12)


def _rate_z(first: int, second: int, first_s: float, second_s: float) -> float:
    """Two Poisson counts, by the square roots, which have the variance 1/4 whatever the rate (Anscombe's transform)."""
    share = second_s / first_s
    return float(2 * (math.sqrt(second + 0.375) - math.sqrt(share * (first + 0.375))) / math.sqrt(1 + share))


def _ratio_z(old: Row, new: Row) -> float:
    """Two shares of errors: the z-test with the pooled share."""
    first, second = old["requests"], new["requests"]
    if not first or not second:
        return 0.0
    pooled = (old["errors"] + new["errors"]) / (first + second)
    deviation = math.sqrt(pooled * (1 - pooled) * (1 / first + 1 / second))
    return float((new["error_ratio"] - old["error_ratio"]) / deviation) if deviation else 0.0
