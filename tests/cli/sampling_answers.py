"""What the API answers about sampling, with all that a terminal has to show."""

from typing import Any

ID = "0af7651916cd43dd8448eb211c80319c"
SUMS = {"traces": 10, "spans": 100, "bytes": 5 << 20}
NONE = {"traces": 0, "spans": 0, "bytes": 0}
RIGHT = {"exact": 2.0, "estimated": 2.01, "error": 0.005}
LOST = {"exact": 2.0, "estimated": None, "error": None}
NEW = {"exact": 0.0, "estimated": 0.1, "error": None}
NAMES = ("rate_per_s", "error_ratio", "p50_ms", "p95_ms", "p99_ms")
SIMULATION: dict[str, Any] = {
    "source": "recent",
    "covered": {"start_ns": 0, "end_ns": 600 * 10**9, "seconds": 600.0},
    "replayed": {"traces": 40, "spans": 400, "share_of_traces": 0.5},
    "notes": ["one trace in 2 was replayed"],
    "totals": {unit: {"all": 4 * count, "kept": count, "share": 0.25} for unit, count in SUMS.items()},
    "cost": {"price_per_gib": 1, "all": 4.0, "kept": 1.0, "all_per_30_days": 400.0, "kept_per_30_days": 100.0},
    "policies": [
        {"policy": "errors", "type": "status_code", "keeps": SUMS, "first": SUMS, "alone": NONE},
        {"policy": "no-health", "type": "drop", "forbids": SUMS},
    ],
    "budgets": [
        {
            **{"budget": "daily", "unit": "bytes_per_day", "scope": "tenant"},
            **{"target": 1e9, "demand": 4e9, "factor": 0.25, "exempt": {"target": 1e9, "demand": 1e8, "factor": 1.0}},
        }
    ],
    "losses": {
        "errors": {"traces": 5, "lost": 0, "share_lost": 0.0, "examples": []},
        "slow": {"threshold_ms": 800.0, "traces": 4, "lost": 1, "share_lost": 0.25, "examples": [ID]},
        "services": {"all": 3, "lost": 0, "list": []},
        "operations": {
            "all": 30,
            "lost": 12,
            "list": [
                {"service": "shop", "operation": "pay", "kind": "server", "spans": 3, "errors": 1, "examples": [ID]}
            ],
        },
    },
    "figures": {
        "min_requests": 1000,
        "services": [{"service": "shop", "requests": 2000, "kept_spans": 50, **dict.fromkeys(NAMES, RIGHT)}],
        "operations": [
            {"service": "shop", "operation": "pay", "requests": 9, "kept_spans": 0, **dict.fromkeys(NAMES, LOST)},
            {"service": "shop", "operation": "buy", "requests": 9, "kept_spans": 1, **dict.fromkeys(NAMES, NEW)},
        ],
    },
}
KEPT = {
    **{"matched": 3, "already_kept": 1, "will_be_kept": 1, "awaited": 2, "too_late": 1},
    "traces": [{"trace_id": ID, "state": "will be kept"}],
}
SHARES = {"traces": 0.5, "spans": 0.5, "bytes": 0.25, "logs": 0.5, "log_bytes": 0.125}
LOGGED = {**SUMS, "logs": 8, "log_bytes": 4096}
LINE = {"seen": LOGGED, "kept": LOGGED, "share_kept": SHARES}
LINE |= dict.fromkeys(("dropped", "late_kept", "late_dropped", "would_drop"), NONE)
LINE |= {"forced": SUMS, "rescued": {**SUMS, "bytes": 999 * 1024}}
ROWS = [{"policy": name, **LINE} for name in ("errors", "", "on demand: exemplar")]
LEDGER = {"by": "policy", "rows": ROWS, "total": LINE}
SPENT = {"target": 1000.0, "last_hour": 990.0, "last_day": 950.5, "period": 400.0, "projected_month": 30000.0}
BUDGETS = {
    "dry_run": True,
    "budgets": [
        {
            **{"name": "daily", "unit": "bytes_per_day", "scope": "tenant", "factor": 0.25, "state": "met", **SPENT},
            "exempt": {"slow_ms": None, **SPENT, "factor": None, "state": "over", "share": 0.5},
            "notes": ["errors are thinned"],
        }
    ],
}
