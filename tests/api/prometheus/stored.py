"""Series and samples written straight into the tables, as the receivers would."""

import asyncio
import zlib
from collections.abc import Mapping, Sequence

from tests.query.engine import engine

Points = Sequence[tuple[int, float]]  # milliseconds, value
STALE = "reinterpretAsFloat64(toUInt64(9218868437227405314))"


def store_series(tenant: str, metric: str, labels: Mapping[str, str], points: Points, day: str = "today()") -> int:
    """One float series; its id. A value of None is a stale marker."""
    series_id = zlib.crc32(f"{tenant}{metric}{sorted(labels.items())}".encode())
    pairs = ", ".join(f"'{part}'" for pair in labels.items() for part in pair)
    run(
        "INSERT INTO label_sets (tenant, day, metric, series_id, source_id, labels) "
        f"SELECT '{tenant}', {day}, '{metric}', {series_id}, {series_id}, map({pairs})"
    )
    rows = ", ".join(f"({time}, {STALE if value is None else _number(value)})" for time, value in points)
    if rows:
        run(
            "INSERT INTO samples (tenant, series_id, time, whole, fractional) "
            f"SELECT '{tenant}', {series_id}, fromUnixTimestamp64Milli(point.1, 'UTC'), 0, point.2 "
            f"FROM (SELECT arrayJoin(CAST([{rows}], 'Array(Tuple(Int64, Float64))')) AS point)"
        )
    return series_id


def run(sql: str) -> None:
    """A statement that writes."""
    asyncio.run(engine().execute(sql))


def _number(value: float) -> str:
    return "nan" if value != value else repr(float(value))
