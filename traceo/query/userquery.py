"""Runs a user's own SQL: guarded, within the limits, its result as JSON-able columns and rows."""

import asyncio
import datetime
import decimal
import math
import re
from typing import Any

import pyarrow as pa

from traceo.errors import QueryError
from traceo.query.guard import PREFIX, guard
from traceo.query.run import Queries, Row, as_bytes
from traceo.query.sql import WINDOWS
from traceo.store.attributes import decode_text

WRAPPED = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)")
ARRAY = re.compile(r"Array\((.*)\)")
DATETIME64 = re.compile(r"DateTime64\((\d)")


async def run_user_query(queries: Queries, tenant: str, text: str, params: dict[str, Any]) -> Row:
    """`{"columns": [{"name", "type"}], "rows": [[...]]}`. Raises QueryError and LimitExceeded.

    The engine is asked for the types first: what it sends has lost which numbers are times.
    """
    bound = {name: _bind(name, value) for name, value in params.items()}
    windows = [window for window in WINDOWS if window.removesuffix("_recent") in text]
    return await queries.over_recent(windows, lambda recent: _run(queries, tenant, text, bound, recent))


async def _run(queries: Queries, tenant: str, text: str, params: dict[str, Any], recent: frozenset[str]) -> Row:
    guarded = await asyncio.to_thread(guard, tenant, text, params, recent=recent)
    try:
        types = await queries.types(guarded.sql, guarded.params)
        table = await queries.table(guarded.sql, guarded.params)
    except QueryError as error:  # the engine quotes the whole statement, of which the user knows the end only
        message = re.split(r"[.:] In scope |: [Ww]hile executing |: In query", error.message)[0]
        raise QueryError(message.replace(PREFIX, "")[:500]) from error
    return await asyncio.to_thread(_show_table, table, types)


def _show_table(table: pa.Table, types: list[str]) -> Row:
    columns = [{"name": name, "type": kind} for name, kind in zip(table.column_names, types, strict=True)]
    values = [
        [_show_as(value, kind) for value in column.to_pylist(maps_as_pydicts="lossy")]
        for column, kind in zip(as_bytes(table).columns, types, strict=True)
    ]
    return {"columns": columns, "rows": [list(row) for row in zip(*values, strict=True)]}


def _show_as(value: Any, kind: str) -> Any:
    """Times and dates by their type, alone and in arrays; everything else by what it is."""
    wrapped, array = WRAPPED.fullmatch(kind), ARRAY.fullmatch(kind)
    if wrapped:
        return _show_as(value, wrapped[1])
    if array and isinstance(value, list):
        return [_show_as(item, array[1]) for item in value]
    if isinstance(value, int) and kind.startswith("Date"):
        return _show_moment(value, kind)
    return _show(value)


def _show_moment(value: int, kind: str) -> str:
    found = DATETIME64.match(kind)
    if found:  # the engine sends the next larger of seconds, milli-, micro- and nanoseconds
        return format_time(value * 10 ** (9 - -(-int(found[1]) // 3) * 3))
    if kind.startswith("DateTime"):
        return format_time(value * 10**9)
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=value)).isoformat()


def format_time(nanoseconds: int) -> str:
    """Nanoseconds since 1970 as RFC 3339, UTC, without trailing zeros."""
    seconds, rest = divmod(nanoseconds, 10**9)
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{moment.isoformat()}{fraction}Z"


def _show(value: Any) -> Any:
    match value:
        case bytes():
            return decode_text(value)
        case float():
            return value if math.isfinite(value) else "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
        case list() | tuple():
            return [_show(item) for item in value]
        case dict():
            return {_key(key): _show(item) for key, item in value.items()}
        case datetime.datetime():
            return value.isoformat()
        case datetime.date():
            return value.isoformat()
        case decimal.Decimal():
            return str(value)
        case _:
            return value


def _key(key: Any) -> str:
    return decode_text(key) if isinstance(key, bytes) else str(key)


def _bind(name: str, value: Any) -> Any:
    """Scalars, or lists of them. The engine reads escapes in texts, and arrays of texts as they are written in SQL."""
    match value:
        case bool() | int() | float():
            return value
        case str():
            return value.translate(ESCAPES)
        case list() if value and all(isinstance(item, str) for item in value):
            quoted = [item.replace("\\", "\\\\").replace("'", "\\'") for item in value]
            return "['" + "','".join(quoted) + "']"
        case list() if all(isinstance(item, bool | int | float | str) for item in value):
            return value
        case _:
            raise QueryError(f"the parameter {name!r} is neither a text, a number, a bool nor a list of them")


ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"})
