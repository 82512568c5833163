"""The catalogue: one row a service with figures, health and facts; and the page of one service."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from traceo.errors import NotFound
from traceo.query.apdex import read_apdex
from traceo.query.health import judge, list_before
from traceo.query.instances import list_instances
from traceo.query.run import Queries, Row
from traceo.query.service_facts import list_facts, list_versions, no_facts
from traceo.query.service_map import list_all_edges
from traceo.query.services import QUANTILES, list_operations, list_services
from traceo.query.sql import TimeRange

WORST_FIRST = ("failing", "degraded", "healthy", "idle")
IDLE: Row = {"requests": 0, "errors": 0, "rate_per_s": 0.0, "error_ratio": 0.0, **dict.fromkeys(QUANTILES)}


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows: `search` in the name, team, any version, language, namespace or environment.

    The largest `sort` first; by `health` the worst, of equal ones the busiest.
    """

    search: str = ""
    sort: str = "requests"
    limit: int = 100
    offset: int = 0


async def list_catalog(
    queries: Queries, tenant: str, between: TimeRange, page: Page, owners: Mapping[str, Row] | None = None
) -> Row:
    """`{"services": [...], "total": n, "summary": {...}, "warnings": [...]}`; summary: of all that is found.

    `owners`: service -> its owner, with `team`.
    """
    known = owners or {}
    rows, before, (facts, warnings), apdex = await asyncio.gather(
        list_services(queries, tenant, between),
        list_before(queries, tenant, between),
        list_facts(queries, tenant, between),
        read_apdex(queries, tenant, between, _thresholds(known)),
    )
    red = {row["service"]: {name: row[name] for name in IDLE} for row in rows}
    entries = [
        _entry(name, red.get(name), before.get(name), facts.get(name), known.get(name), apdex.get(name))
        for name in {*red, *facts}
    ]
    found = [entry for entry in entries if _matches(entry, page.search.casefold())]
    _sort(found, page.sort)
    shown = found[page.offset : page.offset + page.limit]
    return {"services": shown, "total": len(found), "summary": _sum_up(found), "warnings": warnings}


def _sort(entries: list[Row], by: str) -> None:
    entries.sort(key=lambda entry: entry["service"])
    if by == "health":
        entries.sort(key=lambda entry: (WORST_FIRST.index(entry["health"]), -entry["requests"]))
    elif by != "service":
        entries.sort(key=lambda entry: entry[by] or 0, reverse=True)


def _sum_up(entries: Sequence[Row]) -> Row:
    counts = Counter(entry["health"] for entry in entries)
    sums = {name: sum(entry[name] for entry in entries) for name in ("requests", "errors", "rate_per_s")}
    ratio = sums["errors"] / sums["requests"] if sums["requests"] else 0.0
    return {**sums, "error_ratio": ratio, "health": {health: counts[health] for health in WORST_FIRST}}


async def read_service(
    queries: Queries, tenant: str, service: str, between: TimeRange, owners: Mapping[str, Row] | None = None
) -> Row:
    """Everything about one service. Raises NotFound when it sent nothing within the range."""
    owner = (owners or {}).get(service)
    (rows, before, apdex), (facts, _), operations, versions, processes, (edges, cut) = await asyncio.gather(
        asyncio.gather(
            list_services(queries, tenant, between, service),
            list_before(queries, tenant, between, service),
            read_apdex(queries, tenant, between, _thresholds({service: owner} if owner else {})),
        ),
        list_facts(queries, tenant, between, service),
        list_operations(queries, tenant, service, between),
        list_versions(queries, tenant, service, between),
        list_instances(queries, tenant, service, between),
        list_all_edges(queries, tenant, between, around=service),
    )
    red = next(({name: row[name] for name in IDLE} for row in rows), None)
    if red is None and service not in facts:
        raise NotFound(f"nothing of a service {service[:200]!r} arrived in this time range")
    own = f"service:{service}"
    return {
        **_entry(service, red, before.get(service), facts.get(service), owner, apdex.get(service)),
        "operations": operations,
        **versions,
        "processes": processes,
        "upstream": [edge for edge in edges if edge["target"] == own],
        "downstream": [edge for edge in edges if edge["source"] == own],
        "warnings": [*versions["warnings"], *cut],
    }


def _thresholds(owners: Mapping[str, Row]) -> dict[str, float]:
    return {service: owner["apdex_ms"] for service, owner in owners.items() if owner["apdex_ms"] is not None}


def _entry(
    name: str, red: Row | None, before: Row | None, facts: Row | None, owner: Row | None, apdex: float | None
) -> Row:
    figures = red or IDLE
    health, reason = judge(figures, before)
    judged = {"health": health, "health_reason": reason}
    return {"service": name, **figures, **judged, "apdex": apdex, **(facts or no_facts()), "owner": owner}


def _matches(entry: Row, wanted: str) -> bool:
    lists = ("versions", "languages", "namespaces", "environments")
    texts = [
        entry["service"],
        (entry["owner"] or {}).get("team", ""),
        *(text for name in lists for text in entry[name]),
    ]
    return any(wanted in text.casefold() for text in texts)
