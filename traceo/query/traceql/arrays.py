"""Whether attributes are arrays anywhere: only then are they compared element by element, which costs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from traceo.query.run import Queries
from traceo.query.sql import Scope
from traceo.query.traceql.ast import Attribute
from traceo.query.traceql.fields import ARRAY, HAS_ARRAY

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
NOWHERE: frozenset[str] = frozenset()


async def over_arrays(
    queries: Queries, scope: Scope, parse: Callable[[frozenset[str]], Asked], read: Callable[[Asked], Awaitable[Answer]]
) -> Answer:
    """What `read(parse(arrays))` answers; `arrays` says where there are some, as `parse_series` takes it.

    It is read as if there were none. Whether there are, is looked up meanwhile; then all is read again.
    """
    query = parse(NOWHERE)
    names = {each.name for each in _attributes_in(query)}
    if not names:
        return await read(query)
    answer, arrays = await asyncio.gather(read(query), _holders(queries, scope, sorted(names)))
    return await read(parse(arrays)) if arrays else answer


def _attributes_in(node: Any) -> Iterator[Attribute]:
    if isinstance(node, Attribute):
        if not node.intrinsic:
            yield node
    elif is_dataclass(node):
        for each in fields(node):
            yield from _attributes_in(getattr(node, each.name))
    elif isinstance(node, tuple):
        for each in node:
            yield from _attributes_in(each)


async def _holders(queries: Queries, scope: Scope, names: list[str]) -> frozenset[str]:
    """Which have arrays: spans under any name, which an index tells, resources under these names."""
    spans = scope.select_spans("span_id", [HAS_ARRAY])
    named = " OR ".join(f"startsWith(attributes[{scope.bind(name)}], '{ARRAY}')" for name in names)
    resources = scope.select("resources", "1", [f"({named})"])
    sql = f"SELECT 'span' AS holder FROM ({spans}) LIMIT 1 UNION ALL SELECT 'resource' FROM ({resources}) LIMIT 1"
    return frozenset(row["holder"].decode() for row in await queries.rows(scope, sql))
