"""Durations over time: how many spans, and how many errors, in each cell of time and duration."""

import asyncio
from dataclasses import dataclass, replace

from traceo.errors import InvalidRequest
from traceo.query.analysis.selection import Selection, conditions, resolve, weight_of
from traceo.query.run import Queries, Row
from traceo.query.sql import MINUTE_NS, Scope

MAX_CELLS = 50_000
FINEST = 16  # cells from one duration to its double, as in the roll-up
EXAMPLES = 2
RESOLUTIONS = (1, 2, 4, 8, 16)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """`columns`: of time, at the most; `per_double`: cells from one duration to its double."""

    chosen: Selection
    columns: int = 60
    per_double: int = 4
    examples: bool = True


async def read_heatmap(queries: Queries, tenant: str, asked: HeatMap) -> Row:
    """Cells by time and duration; from the exact roll-up, where service, operation and whole minutes are asked for."""
    if asked.per_double not in RESOLUTIONS:
        raise InvalidRequest(f"per_double is one of {', '.join(map(str, RESOLUTIONS))}")
    chosen = asked.chosen
    step = _step_ns(asked)
    rolled_up = is_rolled_up(chosen) and step % MINUTE_NS == 0

    async def read(recent: frozenset[str]) -> list[list[Row]]:
        makers = [compile_rolled_up if rolled_up else compile_cells]
        if rolled_up:
            makers.append(compile_errors)
            makers += [compile_cells] if asked.examples else []
        resolved = replace(asked, chosen=await resolve(queries, tenant, chosen, recent))
        scopes = [Scope(tenant, chosen.between, recent=recent) for _ in makers]
        return await asyncio.gather(
            *(queries.rows(scope, make(scope, resolved, step)) for scope, make in zip(scopes, makers, strict=True))
        )

    found = await queries.over_recent(["spans_recent"], read)
    cells = found[0]
    origin = _origin_ns(asked, step)
    errors = {row["moment"]: row["failed"] for row in (found[1] if rolled_up else [])}
    examples = {(row["moment"], row["level"]): row["examples"] for row in (found[-1] if asked.examples else [])}
    levels = sorted({row["level"] for row in cells})
    return {
        "source": "rollup" if rolled_up else "spans",
        "start_ns": origin,
        "step_ns": step,
        "columns": max(1, -(-(chosen.between.end_ns - origin) // step)),
        "per_double": asked.per_double,
        "levels": [
            {"level": level, "from_ns": 2 ** (level / asked.per_double), "to_ns": 2 ** ((level + 1) / asked.per_double)}
            for level in levels
        ],
        "cells": [
            {
                "column": row["moment"],
                "level": row["level"],
                "count": row["counted"],
                "errors": None if rolled_up else row["failed"],
                "examples": [found.hex() for found in examples.get((row["moment"], row["level"]), [])],
            }
            for row in cells[:MAX_CELLS]
        ],
        "column_errors": [{"column": moment, "errors": failed} for moment, failed in sorted(errors.items())]
        if rolled_up
        else _sum_errors(cells),
        "truncated": len(cells) > MAX_CELLS,
    }


def is_rolled_up(chosen: Selection) -> bool:
    """Whether the roll-up can tell."""
    plain = Selection(chosen.between, service=chosen.service, operation=chosen.operation)
    return chosen == plain and bool(chosen.service)


def compile_cells(scope: Scope, asked: HeatMap, step: int) -> str:
    """SQL over spans: moment, level, counted, failed, examples (newest errors first)."""
    spans = scope.select_spans(
        "trace_id, start_time, duration_ns, status_code, received_at, threshold",
        conditions(scope, asked.chosen),
    )
    origin, width = scope.bind(_origin_ns(asked, step)), scope.bind(step)
    level = f"toInt64(floor({asked.per_double} * log2(greatest(duration_ns, 1))))"
    newest = f"groupArraySorted({EXAMPLES})((status_code != 2, -toUnixTimestamp64Nano(start_time), trace_id))"
    examples = f"arrayMap(x -> x.3, {newest})" if asked.examples else "[]"
    return (
        f"SELECT intDiv(toUnixTimestamp64Nano(start_time) - {origin}, {width}) AS moment, {level} AS level, "
        "sum(weight) AS counted, sumIf(weight, status_code = 2) AS failed, "
        f"{examples} AS examples "
        f"FROM (SELECT *, {weight_of(frozenset(scope.recent))} AS weight FROM ({spans})) "
        f"GROUP BY moment, level ORDER BY moment, level LIMIT {MAX_CELLS + 1}"
    )


def _moment_of_minute(scope: Scope, asked: HeatMap, step: int) -> str:
    origin = scope.bind(_origin_ns(asked, step))
    return f"intDiv(toUnixTimestamp(minute) * 1000000000 - {origin}, {scope.bind(step)}) AS moment"


def compile_rolled_up(scope: Scope, asked: HeatMap, step: int) -> str:
    """SQL over the roll-up: moment, level, counted."""
    moment = _moment_of_minute(scope, asked, step)
    sums = scope.select("span_red", f"{moment}, sumMap(durations) AS found", _named(scope, asked), "GROUP BY moment")
    return (
        f"SELECT moment, toInt64(intDiv(bucket, {FINEST // asked.per_double})) AS level, "
        "toFloat64(sum(spans)) AS counted "
        f"FROM ({sums}) ARRAY JOIN mapKeys(found) AS bucket, mapValues(found) AS spans "
        f"GROUP BY moment, level ORDER BY moment, level LIMIT {MAX_CELLS + 1}"
    )


def compile_errors(scope: Scope, asked: HeatMap, step: int) -> str:
    """SQL over the roll-up: moment, failed."""
    moment = _moment_of_minute(scope, asked, step)
    tail = "GROUP BY moment ORDER BY moment"
    return scope.select("span_red", f"{moment}, toFloat64(sum(errors)) AS failed", _named(scope, asked), tail)


def _named(scope: Scope, asked: HeatMap) -> list[str]:
    where = [f"service = {scope.bind(asked.chosen.service)}"]
    return [*where, f"operation = {scope.bind(asked.chosen.operation)}"] if asked.chosen.operation else where


def _sum_errors(cells: list[Row]) -> list[Row]:
    errors: dict[int, float] = {}
    for row in cells:
        errors[row["moment"]] = errors.get(row["moment"], 0.0) + row["failed"]
    return [{"column": moment, "errors": failed} for moment, failed in errors.items()]


def _step_ns(asked: HeatMap) -> int:
    """Whole minutes where there are as many as columns, so that the roll-up can answer."""
    between = asked.chosen.between
    step = max(1, -(-(between.end_ns - between.start_ns) // asked.columns))
    return -(-step // MINUTE_NS) * MINUTE_NS if step >= MINUTE_NS else step


def _origin_ns(asked: HeatMap, step: int) -> int:
    start = asked.chosen.between.start_ns
    return start // MINUTE_NS * MINUTE_NS if step % MINUTE_NS == 0 else start
