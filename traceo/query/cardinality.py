"""How many series there are, which metrics and labels make them, how they come and go: by day of arrival."""

from traceo.query.run import Queries, Row
from traceo.query.sql import Scope
from traceo.store.attributes import decode_text

NAME = "__name__"
DAYS = 14
MAX_METRICS = 50_000
TODAY = "day = today()"
SINCE_YESTERDAY = "day >= yesterday()"
# A series on these two days; its name counts among its labels.
PRESENCE = "metric, series_id, max(day = today()) AS now, max(day = yesterday()) AS before"
BY_METRIC = """
metric, sum(now) AS today, sum(before) AS yesterday,
sum(now AND NOT before) AS appeared, sum(before AND NOT now) AS gone
"""
PAIRS = "arrayJoin(CAST(mapUpdate(map('__name__', metric), labels), 'Array(Tuple(String, String))')) AS pair"
BY_PAIR = "SELECT pair.1 AS name, pair.2 AS value, count() AS held FROM ({pairs}) GROUP BY name, value"
BY_NAME = """
SELECT name, count() AS values, sum(length(value)) AS bytes, sum(held) AS series,
    groupArraySorted({top})((-toInt64(held), value)) AS largest
FROM ({by_pair}) GROUP BY name ORDER BY values DESC, name
"""


async def read_labels(queries: Queries, tenant: str, top: int) -> list[Row]:
    """Of today's series, each label: `label`, `values`, `series`, `bytes`, and `top` of its values by their series.

    The metric's name is the label `__name__`. Labels with most values first.
    """
    scope = Scope(tenant)
    pairs = (
        f"SELECT {PAIRS} FROM ({scope.select('label_sets', 'metric, labels', [TODAY], 'LIMIT 1 BY metric, series_id')})"
    )
    sql = BY_NAME.format(top=int(top), by_pair=BY_PAIR.format(pairs=pairs))
    return [
        {
            "label": decode_text(row["name"]),
            "values": row["values"],
            "series": row["series"],
            "bytes": row["bytes"],
            "top": [
                {"value": decode_text(value), "series": -series} for series, value in map(dict.values, row["largest"])
            ],
        }
        for row in await queries.rows(scope, sql)
    ]


async def read_metrics(queries: Queries, tenant: str) -> list[Row]:
    """Each metric of today and yesterday: `metric`, `series` of today, `yesterday`, `new` and `gone`; largest first."""
    scope = Scope(tenant)
    series = scope.select("label_sets", PRESENCE, [SINCE_YESTERDAY], "GROUP BY metric, series_id")
    tail = f"GROUP BY metric ORDER BY today DESC, metric LIMIT {MAX_METRICS}"
    return [
        {
            "metric": decode_text(row["metric"]),
            "series": row["today"],
            "yesterday": row["yesterday"],
            "new": row["appeared"],
            "gone": row["gone"],
        }
        for row in await queries.rows(scope, f"SELECT {BY_METRIC} FROM ({series}) {tail}")
    ]


async def read_days(queries: Queries, tenant: str) -> list[Row]:
    """Series of each of the last days: `day`, `series`; oldest first."""
    scope = Scope(tenant)
    columns = "toString(day) AS date, uniqExact(metric, series_id) AS series"
    where = [f"day > today() - {DAYS}"]
    rows = await queries.rows(scope, scope.select("label_sets", columns, where, "GROUP BY day ORDER BY day"))
    return [{"day": decode_text(row["date"]), "series": row["series"]} for row in rows]
