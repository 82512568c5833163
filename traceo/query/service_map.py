"""The map: services and what they call, with figures and health, at any past time; and what differs between two times.

All of it is read from the exact roll-ups, from before sampling. Nodes are told apart by type and name, because a
database may have the name of a service.
"""

import asyncio
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from traceo.errors import InvalidRequest, NotFound
from traceo.query.edge_blocks import select_edges
from traceo.query.run import Queries, Row, as_bytes
from traceo.query.services import EDGE_COLUMNS, EDGE_SUMS, QUANTILES, list_services, observed_seconds
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text

MAX_EDGES = 20_000
MAX_HOPS = 10
# Kind of an edge -> types of its two ends.
ENDS = {
    "call": ("service", "service"),
    "messaging": ("service", "service"),
    "database": ("service", "database"),
    "publish": ("service", "queue"),
    "consume": ("queue", "service"),
    "external": ("service", "external"),
    "entry": ("user", "service"),
}
EDGE_KINDS = ", ".join(f"'{kind}'" for kind in ENDS)
FIGURES = ("requests", "errors", "rate_per_s", "error_ratio", *QUANTILES)
DEGRADED_RATIO, FAILING_RATIO = 0.01, 0.05
MIN_REQUESTS = 10  # fewer tell nothing of a ratio
SIGNIFICANT_Z = 3.29  # p < 0.001 on both sides: a map has hundreds of edges that are all tested
MIN_RATE_CHANGE, MIN_RATIO_CHANGE, MIN_LATENCY_CHANGE = 0.5, 0.01, 0.5


@dataclass(frozen=True, slots=True)
class MapView:
    """What of the map is shown: all of it, or what lies `hops` calls around `focus` (its id); only one health."""

    focus: str = ""
    hops: int = 2
    health: str = ""


def health_of(requests: int, error_ratio: float) -> str:
    """`idle`, `healthy`, `degraded` or `failing`, by the share of errors."""
    if not requests:
        return "idle"
    if requests < MIN_REQUESTS or error_ratio < DEGRADED_RATIO:
        return "healthy"
    return "failing" if error_ratio >= FAILING_RATIO else "degraded"


async def read_map(queries: Queries, tenant: str, between: TimeRange, view: MapView | None = None) -> Row:
    """`{"nodes", "edges", "warnings"}`, lists. Raises NotFound for a focus that is not on it, LimitExceeded."""
    view = view or MapView()
    services, (edges, warnings) = await asyncio.gather(
        list_services(queries, tenant, between), list_all_edges(queries, tenant, between)
    )
    nodes = _nodes(services, edges)
    if view.focus:
        focus = view.focus if view.focus in nodes else f"service:{view.focus}"
        if focus not in nodes:
            raise NotFound(f"{view.focus[:200]!r} is not on the map of this time range")
        near = _within(focus, edges, view.hops)
        nodes = {key: node for key, node in nodes.items() if key in near}
    if view.health:
        nodes = {key: node for key, node in nodes.items() if node["health"] == view.health}
    shown = [edge for edge in edges if edge["source"] in nodes and edge["target"] in nodes]
    return {"nodes": list(nodes.values()), "edges": shown, "warnings": warnings}


async def list_all_edges(queries: Queries, tenant: str, between: TimeRange) -> tuple[list[Row], list[str]]:
    """Edges of every kind with the ids of their ends, most calls first; and a warning if there are more."""
    scope = Scope(tenant)
    rows_sql = await select_edges(queries, scope, between, EDGE_COLUMNS)
    tail = f"GROUP BY client, server, kind ORDER BY requests DESC, client, server, kind LIMIT {MAX_EDGES + 1}"
    sql = f"SELECT {EDGE_SUMS} FROM ({rows_sql}) WHERE kind IN ({EDGE_KINDS}) {tail}"
    table, seconds = await asyncio.gather(
        queries.table(sql, dict(scope.params)), observed_seconds(queries, tenant, between)
    )
    cut = [f"only the {MAX_EDGES} busiest edges are shown: take a shorter range"] if len(table) > MAX_EDGES else []
    return _edge_rows(as_bytes(table[:MAX_EDGES]), seconds), cut


def _edge_rows(table: pa.Table, seconds: float) -> list[Row]:
    """By columns: a map has thousands of rows."""
    requests, failed = (table[name].to_numpy() for name in ("requests", "failed"))
    ratios = failed / np.maximum(requests, 1)
    quantiles = table["quantiles_ms"].combine_chunks().flatten().to_numpy().reshape(-1, len(QUANTILES)).T
    kinds = [kind.decode() for kind in table["kind"].to_pylist()]
    ids: dict[tuple[str, bytes], str] = {}
    for name, side in (("client", 0), ("server", 1)):
        for pair in zip((ENDS[kind][side] for kind in kinds), table[name].to_pylist(), strict=True):
            if pair not in ids:
                ids[pair] = f"{pair[0]}:{decode_text(pair[1])}"
    figures = (requests, failed, requests / seconds, ratios, *quantiles)
    return [
        {
            "source": ids[ENDS[kind][0], client],
            "target": ids[ENDS[kind][1], server],
            "kind": kind,
            **dict(zip(FIGURES, values, strict=True)),
            "health": health_of(values[0], values[3]),
        }
        for client, server, kind, *values in zip(
            table["client"].to_pylist(),
            table["server"].to_pylist(),
            kinds,
            *(figure.tolist() for figure in figures),
            strict=True,
        )
    ]


def _nodes(services: Iterable[Row], edges: Iterable[Row]) -> dict[str, Row]:
    """Services with their own figures; other nodes with those of their callers, latency of the busiest one."""
    nodes: dict[str, Row] = {}
    for row in services:
        red = {name: row[name] for name in FIGURES}
        health = health_of(row["requests"], row["error_ratio"])
        key = f"service:{row['service']}"
        nodes[key] = {"id": key, "type": "service", "name": row["service"], **red, "health": health}
    for edge in edges:
        for key in (edge["source"], edge["target"]):
            if key in nodes and nodes[key]["type"] == "service":
                continue
            kind, _, name = key.partition(":")
            if key not in nodes:
                nodes[key] = {"id": key, "type": kind, "name": name, "requests": 0, "errors": 0, "rate_per_s": 0.0}
                nodes[key] |= {
                    "error_ratio": 0.0,
                    **{quantile: edge[quantile] for quantile in QUANTILES},
                    "health": "idle",
                }
            if kind != "service":
                _add(nodes[key], edge)
    return nodes


def _add(node: Row, edge: Row) -> None:
    for name in ("requests", "errors", "rate_per_s"):
        node[name] += edge[name]
    node["error_ratio"] = node["errors"] / node["requests"] if node["requests"] else 0.0
    node["health"] = health_of(node["requests"], node["error_ratio"])


def _within(focus: str, edges: Iterable[Row], hops: int) -> set[str]:
    """Ids at most `hops` calls away, in either direction."""
    neighbours: dict[str, set[str]] = {}
    for edge in edges:
        neighbours.setdefault(edge["source"], set()).add(edge["target"])
        neighbours.setdefault(edge["target"], set()).add(edge["source"])
    seen, waiting = {focus: 0}, deque([focus])
    while waiting:
        current = waiting.popleft()
        for other in neighbours.get(current, ()) if seen[current] < hops else ():
            if other not in seen:
                seen[other] = seen[current] + 1
                waiting.append(other)
    return set(seen)


async def diff_maps(queries: Queries, tenant: str, before: TimeRange, after: TimeRange) -> Row:
    """Nodes and edges that are new, gone or changed from one range to another.

    `changed`: the effect is large enough to matter and a test says that it is no chance (`_changes`).
    """
    if before == after:
        raise InvalidRequest("the two time ranges are the same")
    old, new = await asyncio.gather(read_map(queries, tenant, before), read_map(queries, tenant, after))
    lengths = await asyncio.gather(*(observed_seconds(queries, tenant, between) for between in (before, after)))
    return {
        "warnings": sorted({*old["warnings"], *new["warnings"]}),
        "nodes": _diff(_by_id(old["nodes"]), _by_id(new["nodes"]), lengths),
        "edges": _diff(_by_ends(old["edges"]), _by_ends(new["edges"]), lengths),
    }


def _by_id(nodes: Iterable[Row]) -> dict[Any, Row]:
    return {node["id"]: node for node in nodes}


def _by_ends(edges: Iterable[Row]) -> dict[Any, Row]:
    return {(edge["source"], edge["target"], edge["kind"]): edge for edge in edges}


def _diff(old: Mapping[Any, Row], new: Mapping[Any, Row], seconds: Sequence[float]) -> Row:
    pairs = [(old[key], new[key]) for key in new if key in old]
    changed = [
        {"before": first, "after": second, "changes": changes}
        for first, second in pairs
        if (changes := _changes(first, second, seconds))
    ]
    return {
        "new": [row for key, row in new.items() if key not in old],
        "gone": [row for key, row in old.items() if key not in new],
        "changed": changed,
    }


def _changes(old: Row, new: Row, seconds: Sequence[float]) -> list[Row]:
    """Which figures changed: `figure`, `before`, `after`, `z` (None: a quantile, by its effect alone)."""
    found = []
    rate_z = _rate_z(old["requests"], new["requests"], *seconds)
    if _relative(old["rate_per_s"], new["rate_per_s"]) >= MIN_RATE_CHANGE and abs(rate_z) >= SIGNIFICANT_Z:
        found.append(_change("rate_per_s", old, new, rate_z))
    ratio_z = _ratio_z(old, new)
    if abs(new["error_ratio"] - old["error_ratio"]) >= MIN_RATIO_CHANGE and abs(ratio_z) >= SIGNIFICANT_Z:
        found.append(_change("error_ratio", old, new, ratio_z))
    enough = min(old["requests"], new["requests"]) >= 10 * MIN_REQUESTS
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
