"""The rows of a replay as a report: what is kept, by whom, what is lost, and how right figures stay."""

from typing import Any

from traceo.hindsight.replay import EXAMPLES, QUANTILES, Replay
from traceo.query.run import Row
from traceo.query.services import KINDS
from traceo.sampling.model import Drop
from traceo.sampling.validate import GUARANTEE
from traceo.store.attributes import decode_text

UNITS = ("traces", "spans", "bytes")
GIB = 1 << 30
MONTH_S = 30 * 86400
SHORTEST_S = 60.0  # of less, nothing is said about a month
QUANTILE_NAMES = [f"p{round(100 * quantile)}_ms" for quantile in QUANTILES]
FIGURES = ("rate_per_s", "error_ratio", *QUANTILE_NAMES)

Sums = dict[tuple[str, str], Row]


def make_report(replay: Replay, traces: list[Row], figures: list[Row], price_per_gib: float | None) -> Row:
    """From the rows of `compile_traces` and `compile_figures`."""
    sums = {(row["kind"].decode(), decode_text(row["name"])): row for row in traces}
    whole = sums.get(("all", ""), {})
    seconds = (whole["last_ns"] - whole["first_ns"]) / 1e9 if whole else 0.0
    totals = _totals(whole)
    return {
        "source": replay.source,
        "covered": {"start_ns": whole.get("first_ns"), "end_ns": whole.get("last_ns"), "seconds": seconds},
        "replayed": {
            "traces": whole.get("replayed", 0),
            "spans": whole.get("replayed_spans", 0),
            "share_of_traces": 1 / replay.every,
        },
        "totals": totals,
        "cost": None if price_per_gib is None else _cost(totals["bytes"], price_per_gib, seconds),
        "policies": _policies(replay, sums),
        "losses": _losses(replay, sums, figures),
        "figures": _figures(replay, figures, seconds),
    }


def _totals(row: Row) -> Row:
    return {unit: _kept_of(row.get(unit, 0), row.get(f"kept_{unit}", 0)) for unit in UNITS}


def _kept_of(whole: float, kept: float) -> Row:
    return {"all": whole, "kept": kept, "share": kept / whole if whole else None}


def _cost(size: Row, price_per_gib: float, seconds: float) -> Row:
    cost = {name: size[name] / GIB * price_per_gib for name in ("all", "kept")}
    month = MONTH_S / seconds if seconds >= SHORTEST_S else None
    return {
        "price_per_gib": price_per_gib,
        **cost,
        **{f"{name}_per_30_days": value * month if month else None for name, value in cost.items()},
    }


def _policies(replay: Replay, sums: Sums) -> list[Row]:
    """In the set's order: what each keeps, keeps first, and keeps alone; of a drop policy, what it forbids."""
    found = []
    for policy in replay.policies.policies:
        kinds = ("forbids",) if isinstance(policy.rule, Drop) else ("keeps", "first", "alone")
        found.append({"policy": policy.name, "type": policy.type, **_by_kind(sums, kinds, policy.name)})
    if replay.policies.guarantee:
        found.append({"policy": GUARANTEE, "type": GUARANTEE, **_by_kind(sums, ("keeps", "first", "alone"), GUARANTEE)})
    return found


def _by_kind(sums: Sums, kinds: tuple[str, ...], name: str) -> Row:
    """What is forbidden counts as it came, what is kept as it would be stored."""
    return {
        kind: {unit: sums.get((kind, name), {}).get(unit if kind == "forbids" else f"kept_{unit}", 0) for unit in UNITS}
        for kind in kinds
    }


def _losses(replay: Replay, sums: Sums, figures: list[Row]) -> Row:
    slow = {"threshold_ms": None if replay.slow_ns is None else replay.slow_ns / 1e6}
    return {
        "errors": _lost_traces(sums.get(("error", ""))),
        "slow": {**slow, **_lost_traces(sums.get(("slow", "")))},
        "services": _lost_services(figures),
        "operations": _lost_operations(figures),
    }


def _lost_traces(row: Row | None) -> Row:
    """`lost` of `traces`, and the longest of those."""
    if row is None:
        return {"traces": 0, "lost": 0, "share_lost": None, "examples": []}
    traces, lost = row["traces"], row["lost"]
    examples = [trace_id.hex() for trace_id in row["examples"]]
    return {"traces": traces, "lost": lost, "share_lost": lost / traces, "examples": examples}


def _lost_services(figures: list[Row]) -> Row:
    """Of a service there are two rows, of spans that enter it and of others: lost are those without any kept span."""
    rows: dict[str, list[Row]] = {}
    for row in figures:
        if row["level"] == b"service":
            rows.setdefault(decode_text(row["service"]), []).append(row)
    lost = [group for group in rows.values() if not any(row["kept_spans"] for row in group)]
    shown = [_lost_group(group, "service") for group in lost]
    return {"all": len(rows), "lost": len(lost), "list": sorted(shown, key=lambda group: -group["spans"])}


def _lost_operations(figures: list[Row]) -> Row:
    rows = [row for row in figures if row["level"] == b"operation"]
    return {
        "all": rows[0]["all_operations"] if rows else 0,
        "lost": rows[0]["lost_operations"] if rows else 0,
        "list": [_lost_group([row], "operation") for row in rows if not row["kept_spans"]],
    }


def _lost_group(rows: list[Row], level: str) -> Row:
    examples = sorted({trace_id.hex() for row in rows for trace_id in row["examples"]})[:EXAMPLES]
    sums = {"spans": sum(row["requests"] for row in rows), "errors": sum(row["errors"] for row in rows)}
    return {**_name(rows[0], level), **sums, "examples": examples}


def _name(row: Row, level: str) -> Row:
    service = {"service": decode_text(row["service"])}
    if level != "operation":
        return service
    return {**service, "operation": decode_text(row["name"]), "kind": KINDS.get(row["kind"], str(row["kind"]))}


def _figures(replay: Replay, rows: list[Row], seconds: float) -> Row:
    """Services by the spans that enter them, or by all spans of those that nothing enters, as in `/services`."""
    entered = {row["service"] for row in rows if row["level"] == b"service" and row["entry"]}
    services = [row for row in rows if row["level"] == b"service" and row["entry"] == (row["service"] in entered)]
    services.sort(key=lambda row: -row["requests"])
    operations = [row for row in rows if row["level"] == b"operation" and row["requests"] > replay.min_requests]
    return {
        "min_requests": replay.min_requests,
        "services": [_red(row, "service", seconds) for row in services],
        "operations": [_red(row, "operation", seconds) for row in operations],
    }


def _red(row: Row, level: str, seconds: float) -> Row:
    """Each figure as it is, as estimated from the kept spans, and the relative error of that (None: not to be said)."""
    exact = _values(row["requests"], row["errors"], row["quantiles_ns"], seconds)
    estimated: list[float | None] = [None] * len(FIGURES)
    if row["kept_spans"]:
        requests, errors = row["estimated_requests"], row["estimated_errors"]
        estimated = [*_values(requests, errors, row["estimated_quantiles_ns"], seconds)]
    return {
        **_name(row, level),
        "requests": row["requests"],
        "kept_spans": row["kept_spans"],
        **{
            name: {"exact": one, "estimated": other, "error": _relative(one, other)}
            for name, one, other in zip(FIGURES, exact, estimated, strict=True)
        },
    }


def _values(requests: float, errors: float, quantiles_ns: Any, seconds: float) -> list[float]:
    rate = requests / seconds if seconds else 0.0
    return [rate, errors / requests if requests else 0.0, *(nanoseconds / 1e6 for nanoseconds in quantiles_ns)]


def _relative(exact: float, estimated: float | None) -> float | None:
    if estimated is None:
        return None
    if exact == estimated:
        return 0.0
    return (estimated - exact) / exact if exact else None
