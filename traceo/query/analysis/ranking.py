"""What of a comparison is shown first."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from traceo.query.run import Row

# How a failure shows, not where it comes from (OpenTelemetry's semantic conventions, old and new).
OUTCOMES = frozenset(
    {
        *("status", "otel.status_code", "otel.status_description", "error", "error.type", "error.message"),
        *("exception.type", "exception.message", "exception.stacktrace", "exception.escaped"),
        *("http.status_code", "http.response.status_code", "rpc.grpc.status_code", "rpc.response.status_code"),
        "db.response.status_code",
    }
)
NOTHING_KNOWN: Mapping[tuple[str, str], int] = MappingProxyType({})


def best(rows: list[Row], limit: int, distinct_values: Mapping[tuple[str, str], int] = NOTHING_KNOWN) -> list[Row]:
    """What is significant first, causes before outcomes, the largest effects first.

    Of equal ones the key with fewer values (`distinct_values` by scope and key, or of the row): a version tells more
    than the processes that run it.
    """

    def place(row: Row) -> tuple[Any, ...]:
        effect = row["effect"] or 0.0
        size = round(max(abs(effect), row.get("distance", 0.0)), 9)
        values = row.get("distinct_values") or distinct_values.get((row.get("scope", ""), row.get("key", "")), 0)
        return not row["significant"], row.get("outcome", False), -size, values, -effect

    return sorted(rows, key=place)[:limit]
