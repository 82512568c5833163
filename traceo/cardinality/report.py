"""The report on a tenant's series: the largest metrics and labels, churn, growth, and what nobody queries."""

import asyncio
from datetime import UTC, datetime

from traceo.cardinality.usage import MetricUsage, MetricUse
from traceo.query.cardinality import read_days, read_labels, read_metrics
from traceo.query.run import Queries, Row

TOP_VALUES = 5


async def report_cardinality(queries: Queries, usage: MetricUsage, tenant: str, top: int, allowed: int) -> Row:
    """`{"series", "days", "metrics", "labels", "unqueried"}`, each list at most `top` long; `allowed`: series a day."""
    metrics, labels, days, used = await asyncio.gather(
        read_metrics(queries, tenant),
        read_labels(queries, tenant, TOP_VALUES),
        read_days(queries, tenant),
        asyncio.to_thread(usage.read, tenant),
    )
    shown = [{**row, **_use(used.get(row["metric"]))} for row in metrics]
    unqueried = [row for row in shown if row["series"] and not row["queries"]]
    return {
        "series": {**_sums(metrics), "limit": allowed},
        "days": days,
        "metrics": shown[:top],
        "labels": labels[:top],
        "unqueried": {
            "since": min((use.first_at.isoformat(timespec="seconds") for use in used.values()), default=None),
            "metrics": len(unqueried),
            "series": sum(row["series"] for row in unqueried),
            "list": [{"metric": row["metric"], "series": row["series"]} for row in unqueried[:top]],
        },
    }


def _sums(metrics: list[Row]) -> Row:
    """Churn by the hour: what came today and was not there yesterday, over the hours of today."""
    now = datetime.now(UTC)
    hours = max(now.hour + now.minute / 60, 1 / 60)
    sums = {name: sum(row[name] for row in metrics) for name in ("series", "yesterday", "new", "gone")}
    return {
        "today": sums["series"],
        "yesterday": sums["yesterday"],
        "new": sums["new"],
        "gone": sums["gone"],
        "new_per_hour": round(sums["new"] / hours, 1),
        "metrics": len(metrics),
    }


def _use(use: MetricUse | None) -> Row:
    return {
        "queries": use.queries if use else 0,
        "last_queried_at": use.last_at.isoformat(timespec="seconds") if use else None,
    }
