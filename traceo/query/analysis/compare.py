"""Two sets of traces, attribute by attribute: what the one has that the other has not."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from traceo.errors import InvalidRequest
from traceo.query.analysis.compare_sql import (
    Sets,
    compile_durations,
    compile_members,
    compile_numbers,
    compile_values,
    write_members,
)
from traceo.query.analysis.ranking import OUTCOMES, best
from traceo.query.analysis.selection import Selection, resolve
from traceo.query.analysis.statistics import (
    adjust,
    chi_square,
    cohen_h,
    compare_shares,
    effective_size,
    either,
    rank_biserial,
)
from traceo.query.run import Queries, Row
from traceo.query.sql import Scope
from traceo.store.attributes import decode_text

MAX_TRACES = 5000
MAX_TEXT = 400  # characters of a value
SIGNIFICANT = 0.05
Compiler = Callable[[Scope, Sets], str]
COMPILERS: tuple[Compiler, ...] = (compile_values, compile_numbers, compile_durations)


@dataclass(frozen=True, slots=True)
class Totals:
    """Of each side: traces found, traces compared, what they stand for, and how many equal ones tell as much."""

    found: tuple[int, int]
    traces: tuple[int, int]
    weights: tuple[float, float]
    sizes: tuple[float, float]


async def compare_sets(
    queries: Queries,
    tenant: str,
    selection: Selection,
    baseline: Selection,
    *,
    whole: bool = True,
    limit: int = 100,
    max_traces: int = MAX_TRACES,
) -> Row:
    """What differs, the largest effects first: attributes by Cramér's V, their values by Cohen's h, numbers and
    durations by their rank-biserial correlation or the distance of their distributions.

    The unit is the trace: it has a value once, in however many of its spans. `whole`: all of its spans count.
    """

    async def read(recent: frozenset[str]) -> tuple[Totals, list[list[Row]]]:
        resolved = [await resolve(queries, tenant, side, recent) for side in (selection, baseline)]
        sets = Sets(resolved[0], resolved[1], whole, max_traces)
        scope = Scope(tenant, recent=recent)
        members = await queries.rows(scope, compile_members(scope, sets, recent))
        members.sort(key=lambda row: (row["side"], row["trace_id"]))
        totals = _sum_up_members(members)
        if not min(totals.traces):
            return totals, []
        texts = write_members([row["trace_id"] for row in members], [row["weight"] for row in members])
        sets = replace(sets, members=texts)
        return totals, await asyncio.gather(*(_read(queries, tenant, sets, recent, make, totals) for make in COMPILERS))

    totals, parts = await queries.over_recent(["spans_recent"], read)
    for name, count in zip(("selection", "baseline"), totals.traces, strict=True):
        if not count:
            raise InvalidRequest(
                f"no trace is in the {name} (one that is in both is in the selection): widen its filter"
            )
    return _rank(totals, parts, limit) | {
        "selection": _show_side(totals, 0),
        "baseline": _show_side(totals, 1),
        "sampled": totals.found != totals.traces,
    }


async def _read(
    queries: Queries,
    tenant: str,
    sets: Sets,
    recent: frozenset[str],
    make: Compiler,
    totals: Totals,
) -> list[Row]:
    scope = Scope(tenant, recent=recent)
    sql = make(scope, sets)
    scope.params |= {"members_0": totals.traces[0], "members_all": sum(totals.traces)}
    for side in (0, 1):
        scope.params |= {f"total_{side}": totals.weights[side], f"size_{side}": totals.sizes[side]}
    return await queries.rows(scope, sql)


def _sum_up_members(members: list[Row]) -> Totals:
    found, traces, weights, sizes = [], [], [], []
    for side in (0, 1):
        rows = [row for row in members if row["side"] == side]
        weight = np.array([row["weight"] for row in rows], np.float64)
        found.append(rows[0]["found"] if rows else 0)
        traces.append(len(rows))
        weights.append(float(weight.sum()) or float(len(rows)))
        sizes.append(effective_size(float(weight.sum()), float((weight**2).sum())))
    return Totals((found[0], found[1]), (traces[0], traces[1]), (weights[0], weights[1]), (sizes[0], sizes[1]))


def _rank(totals: Totals, parts: list[list[Row]], limit: int) -> Row:
    """All tests are corrected together; values that were not shown are tests, too."""
    values, *ranks = parts
    rows = [_judge_value(totals, row) for row in values]
    keys = _sum_up_keys(values, totals)
    numbers, durations = ([_judge_numbers(row) for row in found] for found in ranks)
    everything = [*rows, *keys, *numbers, *durations]
    tests = [row for row in everything if row["p_value"] is not None]
    hidden = sum(row["distinct_values"] - row["shown_values"] for row in keys)
    for row in everything:
        row |= {"q_value": None, "significant": False}
    count = len(tests) + max(0, hidden)
    for row, q_value in zip(tests, adjust([row["p_value"] for row in tests], count), strict=True):
        row |= {"q_value": float(q_value), "significant": bool(q_value < SIGNIFICANT)}
    return {
        "tests": count,
        "attributes": best(rows, limit, {(row["scope"], row["key"]): row["distinct_values"] for row in keys}),
        "keys": best(keys, limit),
        "numbers": best(numbers, limit),
        "durations": best(durations, limit),
    }


def _judge_value(totals: Totals, row: Row) -> Row:
    share = (
        min(1.0, row["weight_0"] / totals.weights[0]),
        min(1.0, row["weight_1"] / totals.weights[1]),
    )
    return {
        **_name_key(row),
        "value": None if row["present"] else decode_text(row["shown"])[:MAX_TEXT],
        "selection_share": share[0],
        "baseline_share": share[1],
        "selection_traces": row["traces_0"],
        "baseline_traces": row["traces_1"],
        "difference": share[0] - share[1],
        "effect": cohen_h(share),
        "p_value": compare_shares(share, totals.sizes),
    }


def _judge_numbers(row: Row) -> Row:
    (u_statistic, by_rank), (distance, by_curve) = (_pair(row[name]) for name in ("ranks", "curves"))
    names = ("key",) if "key" in row else ("service", "operation")
    named = {name: decode_text(row[name]) for name in names}
    return {
        **(named | {"outcome": named["key"] in OUTCOMES} if "key" in named else named),
        "selection_median": float(row["median_0"]),
        "baseline_median": float(row["median_1"]),
        "selection_traces": row["traces_0"],
        "baseline_traces": row["traces_1"],
        "effect": rank_biserial(u_statistic, (row["traces_0"], row["traces_1"])),
        "distance": min(1.0, distance),
        "p_value": either(by_rank, by_curve),
    }


def _pair(tested: Any) -> tuple[float, float]:
    first, second = tested.values() if isinstance(tested, dict) else tested
    return float(first), float(second)


def _name_key(row: Row) -> Row:
    place, key = decode_text(row["place"]), decode_text(row["key"])
    return {"scope": place or "intrinsic", "key": key, "outcome": key in OUTCOMES}


def _sum_up_keys(values: list[Row], totals: Totals) -> list[Row]:
    """Of each key how many values it has. Where a trace has one value of it: what lies beyond those that are shown, and
    whether the sets differ in it at all.
    """
    keys: dict[tuple[bytes, bytes], list[Row]] = {}
    for row in values:
        keys.setdefault((row["place"], row["key"]), []).append(row)
    found = []
    for rows in keys.values():
        shown = [row for row in rows if not row["present"]]
        present = next((row for row in rows if row["present"]), None)
        if not shown:
            continue
        single = present and all(present[f"weight_{s}"] >= shown[0][f"all_weight_{s}"] * (1 - 1e-9) for s in (0, 1))
        beyond = [max(0.0, shown[0][f"all_weight_{s}"] - sum(row[f"weight_{s}"] for row in shown)) for s in (0, 1)]
        rest = [part / total for part, total in zip(beyond, totals.weights, strict=True)] if single else [None, None]
        p_value, effect = _judge_key(shown[0], totals) if single and min(totals.sizes) >= 1 else (None, None)
        found.append(
            {
                **_name_key(rows[0]),
                "distinct_values": shown[0]["distinct_values"],
                "shown_values": len(shown),
                "selection_rest_share": rest[0],
                "baseline_rest_share": rest[1],
                "effect": effect,
                "p_value": p_value,
            }
        )
    return found


def _judge_key(row: Row, totals: Totals) -> tuple[float, float]:
    """By the traces with each value that is frequent enough, with another, and with none."""
    others = row["rest_0"], row["rest_1"]
    none = tuple(max(0.0, totals.sizes[side] - row[f"told_{side}"] - others[side]) for side in (0, 1))
    return chi_square(row["square"], (others, (none[0], none[1])), row["told_values"], totals.sizes)


def _show_side(totals: Totals, side: int) -> Row:
    return {
        "traces": totals.found[side],
        "traces_compared": totals.traces[side],
        "stands_for": totals.weights[side],
    }
