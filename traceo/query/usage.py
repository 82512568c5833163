"""What arrived, by service and signal: from the usage ledger, by the minute of arrival."""

from traceo.query.run import Queries, Row
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text


async def list_usage(queries: Queries, tenant: str, between: TimeRange, limit: int = 1000) -> list[Row]:
    """`[{"service", "signal", "items", "bytes"}]`, most bytes first. Bytes are the wire's, uncompressed."""
    scope = Scope(tenant, between)
    tail = f"GROUP BY service, signal ORDER BY sent DESC, service, signal LIMIT {int(limit)}"
    sql = scope.select("usage", "service, signal, sum(items) AS counted, sum(bytes) AS sent", tail=tail)
    return [
        {
            "service": decode_text(row["service"]),
            "signal": decode_text(row["signal"]),
            "items": row["counted"],
            "bytes": row["sent"],
        }
        for row in await queries.rows(scope, sql)
    ]
