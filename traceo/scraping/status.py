"""What `/api/v1/targets` of Prometheus shows, as plain values of its JSON."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from traceo.scraping.loop import ScrapeLoop
from traceo.scraping.pools import ScrapePool
from traceo.scraping.scraper import Scraper
from traceo.scraping.target import show_duration

NEVER = "0001-01-01T00:00:00Z"  # Go's zero time


def describe_targets(scraper: Scraper, state: str = "any", pool_name: str = "") -> dict[str, Any]:
    """The `data` of `/api/v1/targets`. `state`: active, dropped or any; `pool_name`: a job, "" for all."""
    pools = [pool for name, pool in sorted(scraper.pools.items()) if pool_name in ("", name)]
    active = [] if state == "dropped" else [_describe(pool, loop) for pool in pools for loop in pool.loops]
    shown = [] if state == "active" else pools
    dropped = [(labels, pool.config.job_name) for pool in shown for labels in pool.dropped]
    return {
        "activeTargets": active,
        "droppedTargets": [{"discoveredLabels": labels, "scrapePool": name} for labels, name in dropped],
        "droppedTargetCounts": {pool.config.job_name: pool.dropped_count for pool in shown},
    }


def _describe(pool: ScrapePool, loop: ScrapeLoop) -> dict[str, Any]:
    health = loop.health
    at = datetime.fromtimestamp(health.at, UTC).isoformat().replace("+00:00", "Z") if health.at else NEVER
    return {
        "discoveredLabels": loop.target.discovered,
        "labels": loop.target.labels,
        "scrapePool": pool.config.job_name,
        "scrapeUrl": loop.target.url,
        "globalUrl": loop.target.url,
        "lastError": health.error,
        "lastScrape": at,
        "lastScrapeDuration": health.duration_s,
        "health": health.health,
        "scrapeInterval": show_duration(loop.target.interval_s),
        "scrapeTimeout": show_duration(loop.target.timeout_s),
    }


def describe_pools(scraper: Scraper) -> list[str]:
    """The `scrapePools` of `/api/v1/scrape_pools`: the jobs."""
    return sorted(scraper.pools)


def describe_metadata(scraper: Scraper, metric: str = "") -> Iterator[dict[str, Any]]:
    """The rows of `/api/v1/targets/metadata`, of all active targets; `metric`: the only one, which is not said then."""
    for pool in scraper.pools.values():
        for loop in pool.loops:
            families = loop.digest.metadata.families
            for name in families if not metric else families.keys() & {metric}:
                family = families[name]
                named = {} if metric else {"metric": name}
                row = {"type": family.kind, "help": family.help, "unit": family.unit}
                yield {"target": loop.target.labels, **named, **row}


def make_metadata_view(scraper: Scraper, own_tenant: str) -> Callable[[str, str], Iterator[dict[str, Any]]]:
    """`describe_metadata` by tenant and metric, for the API, as `make_targets_view`."""
    return lambda tenant, metric: describe_metadata(scraper, metric) if tenant == own_tenant else iter(())


def make_targets_view(scraper: Scraper, own_tenant: str) -> Callable[[str, str, str], dict[str, Any]]:
    """`describe_targets` by tenant, state and job, for the API: only the tenant whose targets they are sees them."""

    def view(tenant: str, state: str, pool_name: str) -> dict[str, Any]:
        if tenant != own_tenant:
            return {"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}}
        return describe_targets(scraper, state or "any", pool_name)

    return view
