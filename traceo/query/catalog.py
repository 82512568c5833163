"""The catalogue: one row a service with figures, health and facts; and the page of one service."""

import asyncio
from collections.abc import Mapping
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

IDLE: Row = {"requests": 0, "errors": 0, "rate_per_s": 0.0, "error_ratio": 0.0, **dict.fromkeys(QUANTILES)}


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows: `search` in the name, team, any version, language, namespace or environment; largest first."""

    search: str = ""
    sort: str = "requests"
    limit: int = 100
    offset: int = 0


async def list_catalog(
    queries: Queries, tenant: str, between: TimeRange, page: Page, owners: Mapping[str, Row] | None = None
) -> Row:
    """`{"services": [...], "total": n, "warnings": [...]}`. `owners`: service -> its owner, with `team`."""
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
    found.sort(key=lambda entry: entry["service"])
    if page.sort != "service":
        found.sort(key=lambda entry: entry[page.sort] or 0, reverse=True)
    return {"services": found[page.offset : page.offset + page.limit], "total": len(found), "warnings": warnings}


async def read_service(
    queries: Queries, tenant: str, service: str, between: TimeRange, owners: Mapping[str, Row] | None = None
) -> Row:
    """Everything about one service. Raises NotFound when it sent nothing within the range."""
    owner = (owners or {}).get(service)
    (rows, before, apdex), (facts, _), operations, versions, processes, (edges, cut) = await asyncio.gather(
        asyncio.gather(
            list_services(queries, tenant, between),
            list_before(queries, tenant, between),
            read_apdex(queries, tenant, between, _thresholds({service: owner} if owner else {})),
        ),
        list_facts(queries, tenant, between, service),
        list_operations(queries, tenant, service, between),
        list_versions(queries, tenant, service, between),
        list_instances(queries, tenant, service, between),
        list_all_edges(queries, tenant, between),
    )
    red = next(({name: row[name] for name in IDLE} for row in rows if row["service"] == service), None)
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
