"""What metrics are, under the names that Prometheus knows them by: type, help, unit."""

from traceo.query.run import Queries, Row
from traceo.query.sql import Scope
from traceo.store.attributes import decode_text

# What came by remote write has Prometheus' names, and its type is 100 and Prometheus' own number.
WRITTEN = (
    "metric AS family, 'samples' AS kind, type AS told_type, unit AS told_unit, description AS help, false AS falls"
)
NAMES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
# OTLP's numbers are the fields of `Metric.data`; a sum is a gauge unless it is monotonic. One series stands for each
# name: its kind says how it came to be, its source what was sent.
FAMILIES = "metric AS family, any(kind) AS family_kind, any(source_id) AS source"
SENT = "series_id, any(metric) AS sent, any(type) AS sent_type, any(unit) AS sent_unit, NOT any(monotonic) AS falls"
TEXTS = "metric, argMax(description, updated_at) AS help"
OTLP_TYPES = {5: "gauge", 7: "counter", 9: "histogram", 10: "histogram", 11: "summary"}
TYPES = OTLP_TYPES | {100 + number: name for number, name in enumerate(NAMES)}
SUM = 7
# Buckets, counts and sums belong to the metric without that suffix.
SUFFIXES = {
    **{"bucket": "_bucket", "bucket_count": "_count", "bucket_sum": "_sum"},
    **{"summary_count": "_count", "summary_sum": "_sum"},
}


async def list_metadata(
    queries: Queries, tenant: str, metric: str, limit: int | None, per_metric: int | None
) -> dict[str, list[dict[str, str]]]:
    """`{name: [{"type", "help", "unit"}]}`, of one metric or ("") of all; None: no limit."""
    scope = Scope(tenant)
    found: dict[str, list[dict[str, str]]] = {}
    for row in await queries.rows(scope, compile_metadata(scope)):
        name = decode_text(row["family"]).removesuffix(SUFFIXES.get(decode_text(row["kind"]), ""))
        if metric not in ("", name) or (limit is not None and len(found) >= limit and name not in found):
            continue
        entry, known = _entry(row), found.setdefault(name, [])
        if entry not in known and (per_metric is None or len(known) < per_metric):
            known.append(entry)
    return found


def compile_metadata(scope: Scope) -> str:
    """SQL: each name with what was said of it."""
    written = scope.select("metric_metadata", WRITTEN, ["type >= 100"], "ORDER BY updated_at DESC")
    families = scope.select("label_sets", FAMILIES, tail="GROUP BY metric")
    sources = f"series_id IN (SELECT source FROM ({families}))"
    sent = scope.select("series", SENT, [sources], "GROUP BY series_id")
    texts = scope.select("metric_metadata", TEXTS, ["type < 100"], "GROUP BY metric")
    columns = "family, toString(family_kind) AS kind, sent_type AS told_type, sent_unit AS told_unit, help, falls"
    joined = f"({families}) AS f INNER JOIN ({sent}) AS s ON f.source = s.series_id"
    received = f"SELECT {columns} FROM {joined} LEFT JOIN ({texts}) AS t ON t.metric = s.sent"
    return f"SELECT * FROM ({written} UNION ALL {received}) ORDER BY family"


def _entry(row: Row) -> dict[str, str]:
    kind = "gauge" if row["told_type"] == SUM and row["falls"] else TYPES.get(row["told_type"], "unknown")
    return {"type": kind, "help": decode_text(row["help"]), "unit": decode_text(row["told_unit"])}
