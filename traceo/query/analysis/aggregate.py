"""The critical path of an operation: what its slow executions wait for that its usual ones do not."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from traceo.errors import InvalidRequest, NotFound
from traceo.query.analysis.columns import COLUMNS, SOURCES, Ints, Numbers, SpanColumns, read_columns, without_repeats
from traceo.query.analysis.forest import link
from traceo.query.analysis.path import KINDS, find_segments, plant
from traceo.query.analysis.selection import Selection, conditions, resolve, weight_of
from traceo.query.analysis.trace import show_span
from traceo.query.run import Queries, Row
from traceo.query.sql import Scope
from traceo.query.traceql.reading import READ

MAX_TRACES = 10_000
MAX_SPANS = 2_000_000
LEAST_TRACES = 20  # of a cohort, where there are so many
WIDEST = 0.1
MAX_GROUPS, MOST_GROUPS = 200, 2000  # that are shown; that are told apart
OTHER = -1
BANDS = 20
EXAMPLES = 3
RESAMPLES = 400
CONFIDENCE = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Paths:
    """Of each trace: how long the operation took, how many it stands for, and its row. Of each part of a path: its
    trace and its group (service, operation, kind of wait), whose `example` is a row of `spans`.
    """

    spans: SpanColumns
    top: Ints
    duration: Numbers
    weight: Numbers
    trace: Ints
    group: Ints
    length: Numbers
    groups: Ints
    example: Ints


async def read_aggregate(
    queries: Queries, tenant: str, chosen: Selection, quantile: float, baseline: float, max_traces: int = MAX_TRACES
) -> Row:
    """Contributions at `quantile` and at `baseline`, and their difference. Raises NotFound, InvalidRequest."""
    if not chosen.service or not chosen.operation:
        raise InvalidRequest("service and operation say whose critical path is asked for")

    async def read(recent: frozenset[str]) -> tuple[int, pa.Table]:
        return await _read_spans(queries, tenant, await resolve(queries, tenant, chosen, recent), max_traces, recent)

    traces, table = await queries.over_recent(["spans_recent"], read)
    spans = read_columns(table.slice(0, MAX_SPANS))
    if not spans.asked.any():
        raise NotFound(f"no span {chosen.operation[:80]!r} of the service {chosen.service[:80]!r} in that time")
    paths = find_paths(spans)
    return {
        "service": chosen.service,
        "operation": chosen.operation,
        "traces": traces,
        "traces_read": len(paths.top),
        "spans_read": len(spans),
        "sampled": traces > len(paths.top),
        "truncated": table.num_rows > MAX_SPANS,
        **compare_quantiles(paths, quantile, baseline),
        "profile": make_profile(paths),
    }


async def _read_spans(
    queries: Queries, tenant: str, chosen: Selection, max_traces: int, recent: frozenset[str]
) -> tuple[int, pa.Table]:
    """How many traces there are, and all spans of as many as may be, chosen by the hash of their id."""
    scope, wide = Scope(tenant, recent=recent), chosen.between.of_whole_traces
    asked = [*scope.time_bounds("start_time", chosen.between.start_ns, chosen.between.end_ns)]
    asked += conditions(scope, chosen)
    matching = scope.select_spans("trace_id", asked)
    counted = await queries.rows(scope, f"SELECT uniqExact(trace_id) AS traces FROM ({matching})")
    traces = f"SELECT trace_id FROM ({matching}) GROUP BY trace_id"
    if counted[0]["traces"] > max_traces:
        traces += f" ORDER BY cityHash64(trace_id) LIMIT {int(max_traces)}"
    attributes = ", attributes" if chosen.attributes else ""
    columns = READ if chosen.meant else f"{SOURCES}, received_at, threshold{attributes}"
    bounds = scope.time_bounds("start_time", wide.start_ns, wide.end_ns)
    source = scope.select_spans(columns, [*bounds, f"trace_id IN ({traces})"])
    flags = f"{' AND '.join(asked)} AS asked, {weight_of(recent)} AS weight"
    sql = f"SELECT {COLUMNS}, {flags} FROM ({source}) LIMIT {MAX_SPANS + 1}"
    limits = replace(queries.limits, max_result_rows=MAX_SPANS + 1)
    return counted[0]["traces"], await queries.table(sql, dict(scope.params), limits=limits)


def find_paths(spans: SpanColumns) -> Paths:
    """The path of the longest execution in each trace; where it ran within itself, of the outermost."""
    spans, _ = without_repeats(spans)
    links = link(spans)
    asked = np.flatnonzero(spans.asked)
    order = np.lexsort((spans.start[asked], -spans.duration[asked], spans.trace[asked]))
    traces, first = np.unique(spans.trace[asked][order], return_index=True)
    top = asked[order][first]
    found = find_segments(spans, plant(spans, links.parent, top))
    length = (found.end - found.start) / 1e6
    codes, group = _gather(spans.operation[found.span] * len(KINDS) + found.kind, length)
    example = np.full(len(codes), len(spans))
    example[group] = np.where(codes[group] == OTHER, len(spans), found.span)
    return Paths(
        spans=spans,
        top=top,
        duration=spans.duration[top] / 1e6,
        weight=np.maximum(spans.weight[top], 0.0),
        trace=np.searchsorted(traces, spans.trace[found.span]),
        group=group,
        length=length,
        groups=codes % len(KINDS),
        example=example,
    )


def _gather(codes: Ints, length: Numbers) -> tuple[Ints, Ints]:
    """The groups' codes, and which group each part belongs to; the smallest of too many groups become one."""
    found, group = np.unique(codes, return_inverse=True)
    if len(found) <= MOST_GROUPS:
        return found, group
    small = np.argsort(-np.bincount(group, length), kind="stable")[MOST_GROUPS:]
    found[small] = OTHER
    merged, place = np.unique(found, return_inverse=True)
    return merged, place[group]


def compare_quantiles(paths: Paths, quantile: float, baseline: float) -> Row:
    """Means of the traces around either quantile: milliseconds by group, which add up to the mean durations."""
    rank = _weighted_ranks(paths)
    slow, usual = (_cohort(rank, level) for level in (quantile, baseline))
    slow_parts, usual_parts = (_contributions(paths, rows) for rows in (slow, usual))
    weights = paths.weight[slow], paths.weight[usual]
    at_slow, at_usual = _mean(slow_parts, weights[0]), _mean(usual_parts, weights[1])
    difference = at_slow - at_usual
    chosen = np.argsort(-np.abs(difference), kind="stable")[:MAX_GROUPS]
    low, high = _bootstrap((slow_parts[:, chosen], usual_parts[:, chosen]), weights)
    total = float(difference.sum())
    rows = []
    for place, group in enumerate(chosen):
        most = np.argsort(-slow_parts[:, group], kind="stable")[:EXAMPLES]
        rows.append(
            {
                **_name_group(paths, int(group)),
                "at_quantile_ms": float(at_slow[group]),
                "at_baseline_ms": float(at_usual[group]),
                "difference_ms": float(difference[group]),
                "low_ms": float(low[place]),
                "high_ms": float(high[place]),
                "share": float(difference[group]) / total if total else 0.0,
                "certain": bool(low[place] > 0 or high[place] < 0),
                "examples": [paths.spans.trace_id(paths.top[slow[at]]) for at in most if slow_parts[at, group] > 0],
            }
        )
    return {
        "quantile": _show_cohort(paths, slow, quantile, float(at_slow.sum())),
        "baseline": _show_cohort(paths, usual, baseline, float(at_usual.sum())),
        "difference_ms": total,
        "groups": len(difference),
        "contributions": rows,
        "overlapping": bool(len(np.intersect1d(slow, usual))),
    }


def make_profile(paths: Paths, shown: int = 8) -> Row:
    """How the path is made up from the fastest to the slowest: mean milliseconds of the largest groups, by band."""
    rank = _weighted_ranks(paths)
    band = np.minimum((rank * BANDS).astype(np.int64), BANDS - 1)
    weight = np.bincount(band, paths.weight, BANDS)
    part = paths.length * paths.weight[paths.trace]
    sums = np.bincount(paths.group, part, len(paths.groups))
    largest = np.argsort(-sums, kind="stable")[:shown]
    place = np.full(len(paths.groups), len(largest))
    place[largest] = np.arange(len(largest))
    cells = np.bincount(band[paths.trace] * (shown + 1) + place[paths.group], part, BANDS * (shown + 1))
    means = cells.reshape(BANDS, shown + 1) / np.where(weight > 0, weight, 1)[:, None]
    return {
        "upper_quantiles": [(number + 1) / BANDS for number in range(BANDS)],
        "series": [
            {**_name_group(paths, int(group)), "ms": means[:, number].tolist()} for number, group in enumerate(largest)
        ],
        "rest_ms": means[:, len(largest)].tolist(),
    }


def _weighted_ranks(paths: Paths) -> Numbers:
    """Where each trace stands between the fastest (0) and the slowest (1); the middle of what it stands for."""
    order = np.argsort(paths.duration, kind="stable")
    reached = np.cumsum(paths.weight[order])
    rank = np.empty(len(order))
    rank[order] = (reached - paths.weight[order] / 2) / max(float(reached[-1]), 1e-12)
    return rank


def _cohort(rank: Numbers, level: float) -> Ints:
    """The traces around a quantile: within a tenth, or as far as the end is; if those are few, the nearest ones."""
    distance = np.abs(rank - level)
    near = np.flatnonzero(distance <= min(level, 1 - level, WIDEST))
    if len(near) >= LEAST_TRACES:
        return near
    return np.sort(np.argsort(distance, kind="stable")[:LEAST_TRACES])


def _contributions(paths: Paths, rows: Ints) -> Numbers:
    """Milliseconds by trace and group."""
    place = np.full(len(paths.top), -1)
    place[rows] = np.arange(len(rows))
    mine = place[paths.trace] >= 0
    groups = len(paths.groups)
    cells = place[paths.trace[mine]] * groups + paths.group[mine]
    sums: Numbers = np.bincount(cells, paths.length[mine], len(rows) * groups).astype(np.float64)
    return sums.reshape(len(rows), groups)


def _mean(parts: Numbers, weight: Numbers) -> Numbers:
    found: Numbers = weight @ parts / max(float(weight.sum()), 1e-12)
    return found


def _bootstrap(parts: tuple[Numbers, Numbers], weights: tuple[Numbers, Numbers]) -> tuple[Numbers, Numbers]:
    """The percentile interval of the difference of means, each cohort drawn anew (Efron 1979), always alike."""
    chance = np.random.default_rng(1)
    means = []
    for values, weight in zip(parts, weights, strict=True):
        drawn = chance.multinomial(len(weight), np.full(len(weight), 1 / len(weight)), RESAMPLES) * weight
        means.append(drawn @ values / np.maximum(drawn.sum(axis=1), 1e-12)[:, None])
    low, high = np.percentile(means[0] - means[1], CONFIDENCE, axis=0)
    return low, high


def _name_group(paths: Paths, group: int) -> Row:
    row = int(paths.example[group])
    if row == len(paths.spans):
        return {"service": "", "operation": "all others", "span_kind": "", "kind": ""}
    found = show_span(paths.spans, row)
    del found["span_id"]
    return {**found, "kind": KINDS[int(paths.groups[group])]}


def _show_cohort(paths: Paths, rows: Ints, level: float, mean: float) -> Row:
    durations = paths.duration[rows]
    return {
        "level": level,
        "traces": len(rows),
        "stands_for": float(paths.weight[rows].sum()),
        "shortest_ms": float(durations.min()),
        "longest_ms": float(durations.max()),
        "mean_ms": mean,
    }
