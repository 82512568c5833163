"""The map: services and what they call, with figures and health, at any past time.

All of it is read from the exact roll-ups, from before sampling. Nodes are told apart by type and name, because a
database may have the name of a service.
"""

import asyncio
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from traceo.query.deploys import read_running_versions
from traceo.query.edge_blocks import select_edges
from traceo.query.map_view import MapView, apply_view, group_map
from traceo.query.run import Queries, Row, as_bytes
from traceo.query.service_facts import list_facts
from traceo.query.services import EDGE_COLUMNS, EDGE_SUMS, QUANTILES, list_services, observed_seconds
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text

MAX_EDGES = 20_000
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


def health_of(requests: int, error_ratio: float) -> str:
    """`idle`, `healthy`, `degraded` or `failing`, by the share of errors."""
    if not requests:
        return "idle"
    if requests < MIN_REQUESTS or error_ratio < DEGRADED_RATIO:
        return "healthy"
    return "failing" if error_ratio >= FAILING_RATIO else "degraded"


async def read_map(
    queries: Queries,
    tenant: str,
    between: TimeRange,
    view: MapView | None = None,
    teams: Mapping[str, str] | None = None,
) -> Row:
    """`{"nodes", "edges", "warnings"}`, lists. Raises NotFound for a focus that is not on it, LimitExceeded.

    `teams`: service -> the team that owns it, for a view by team.
    """
    view = view or MapView()
    services, (edges, warnings) = await asyncio.gather(
        list_services(queries, tenant, between), list_all_edges(queries, tenant, between)
    )
    nodes = _nodes(services, edges)
    if view.group_by:
        groups, cut = await _read_groups(queries, tenant, between, view.group_by, teams or {})
        nodes, edges = group_map(nodes, edges, groups, health_of)
        warnings = [*warnings, *cut]
    nodes, edges = apply_view(nodes, edges, view)
    return {"nodes": list(nodes.values()), "edges": edges, "warnings": warnings}


async def _read_groups(
    queries: Queries, tenant: str, between: TimeRange, group_by: str, teams: Mapping[str, str]
) -> tuple[Mapping[str, str], list[str]]:
    """Service -> its group, which has the names of all if there are several: two versions during a deploy."""
    if group_by == "team":
        return teams, []
    if group_by == "version":
        return await read_running_versions(queries, tenant, between), []
    facts, warnings = await list_facts(queries, tenant, between)
    return {service: ", ".join(known["namespaces"]) for service, known in facts.items()}, warnings


async def list_all_edges(
    queries: Queries, tenant: str, between: TimeRange, around: str | None = None
) -> tuple[list[Row], list[str]]:
    """Edges of every kind with the ids of their ends, most calls first; and a warning if there are more.

    `around`: those with an end of this name alone, of whatever type.
    """
    table, seconds = await asyncio.gather(
        _read_edges(queries, tenant, between, around), observed_seconds(queries, tenant, between)
    )
    cut = [f"only the {MAX_EDGES} busiest edges are shown: take a shorter range"] if len(table) > MAX_EDGES else []
    return _edge_rows(as_bytes(table[:MAX_EDGES]), seconds), cut


async def _read_edges(queries: Queries, tenant: str, between: TimeRange, around: str | None) -> pa.Table:
    scope = Scope(tenant)
    where = [] if around is None else [f"{scope.bind(around)} IN (client, server)"]
    rows_sql = await select_edges(queries, scope, between, EDGE_COLUMNS, where)
    tail = f"GROUP BY client, server, kind ORDER BY requests DESC, client, server, kind LIMIT {MAX_EDGES + 1}"
    sql = f"SELECT {EDGE_SUMS} FROM ({rows_sql}) WHERE kind IN ({EDGE_KINDS}) {tail}"
    return await queries.table(sql, dict(scope.params))


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
        nodes[key] = {"id": key, "type": "service", "name": row["service"], **red, "health": health, "members": []}
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
                    "members": [],
                }
            if kind != "service":
                _add(nodes[key], edge)
    return nodes


def _add(node: Row, edge: Row) -> None:
    for name in ("requests", "errors", "rate_per_s"):
        node[name] += edge[name]
    node["error_ratio"] = node["errors"] / node["requests"] if node["requests"] else 0.0
    node["health"] = health_of(node["requests"], node["error_ratio"])
