"""What a query means, for questions that go on from there: a condition on a span's row, or the spans' ids."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial

import numpy as np

from traceo.errors import LimitExceeded, ParseError
from traceo.query.run import Queries, as_bytes
from traceo.query.sql import Scope, TimeRange
from traceo.query.traceql.arrays import over_arrays
from traceo.query.traceql.ast import Query
from traceo.query.traceql.candidates import find_candidates
from traceo.query.traceql.fields import Fields
from traceo.query.traceql.parser import parse_traceql
from traceo.query.traceql.reading import compile_spans, is_single, make_table, necessary
from traceo.query.traceql.structure import evaluate

MAX_SPANS = 100_000
BATCH = 5000
DIGITS = 48  # hexadecimal ones of a trace's and a span's id
IDS = (
    "(trace_id, span_id) IN (SELECT toFixedString(unhex(substring(ids, 1, 32)), 16), "
    "toFixedString(unhex(substring(ids, 33)), 8) FROM "
    "(SELECT arrayJoin(extractAll({{{name}:String}}, '.{{{digits}}}')) AS ids))"
)


@dataclass(frozen=True, slots=True)
class Meant:
    """`query` is one that asks each span alone; else `spans` are those that are meant, DIGITS each."""

    query: Query | None
    spans: str = ""

    def condition(self, scope: Scope) -> str:
        """SQL over the columns of `reading.READ`, or over the two ids."""
        if self.query:
            return necessary(self.query, Fields(scope))
        name = f"meant_{hashlib.blake2b(self.spans.encode(), digest_size=8).hexdigest()}"
        scope.params[name] = self.spans
        return IDS.format(name=name, digits=DIGITS)


async def find_meant(queries: Queries, tenant: str, text: str, between: TimeRange, recent: frozenset[str]) -> Meant:
    """What a search means. Raises ParseError, UnsupportedQuery, LimitExceeded."""

    async def read(query: Query) -> Meant:
        if query.metrics:
            raise ParseError("the query computes series: here it must find spans", position=query.metrics.at)
        if is_single(query):
            return Meant(query)
        return Meant(None, await _find_spans(queries, Scope(tenant, between, recent=recent), query))

    return await over_arrays(queries, Scope(tenant, recent=recent), partial(parse_traceql, text), read)


async def _find_spans(queries: Queries, scope: Scope, query: Query) -> str:
    ids = await find_candidates(queries, scope, query)
    found: list[str] = []
    for first in range(0, len(ids), BATCH):
        part = Scope(scope.tenant, scope.between, recent=scope.recent)
        sql = compile_spans(part, query, ids[first : first + BATCH])
        rows = as_bytes(await queries.table(sql, dict(part.params)))
        table, _ = make_table(query, rows)
        spans = rows.take(np.flatnonzero(evaluate(query.pipeline, table).member)).select(["trace_id", "span_id"])
        pairs = zip(*(column.to_pylist() for column in spans.columns), strict=True)
        found += [trace.hex() + span.hex() for trace, span in pairs]
        if len(found) > MAX_SPANS:
            raise LimitExceeded(f"the query means more than {MAX_SPANS:,} spans: choose a shorter range")
    return "".join(found)
