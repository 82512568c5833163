"""`traceo sampling budgets`: how close each is to its target."""

import argparse
import json
from typing import Any

from rich.text import Text

from traceo.commands.ask import ask
from traceo.commands.display import console, print_table

UNITS = {"spans_per_second": "spans/s", "bytes_per_day": "B/day", "money_per_month": "/month"}
COLOURS = {"met": "green", "under": "green", "over": "red", "idle": "dim"}
COLUMNS = ("budget", "scope", "state", "factor", "target", "last_hour", "last_day", "unit", "period", "projected_month")


def run_budgets(args: argparse.Namespace) -> None:
    """Print the server's answer."""
    found = ask(args, "GET", "/sampling/budgets")
    if args.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if found["dry_run"]:
        console.print(Text("dry run: everything is kept; this is what would be", "yellow"))
    rows = [row for budget in found["budgets"] for row in _rows(budget)]
    amounts = dict.fromkeys(("target", "last_hour", "last_day", "period", "projected_month"), _amount)
    print_table(rows, COLUMNS, {**amounts, "factor": _factor, "state": lambda state: Text(state, COLOURS[state])})
    for budget in found["budgets"]:
        for note in budget["notes"]:
            console.print(Text(f"{budget['name']}: {note}", "yellow"))


def _rows(budget: dict[str, Any]) -> list[dict[str, Any]]:
    """Two: the target's, and that of exempt traces."""
    unit = UNITS[budget["unit"]]
    exempt = {"budget": "", "scope": "errors and slow traces", "unit": unit, **budget["exempt"]}
    return [{"budget": budget["name"], "unit": unit, **budget}, exempt]


def _amount(value: float) -> Text:
    return Text(f"{value:,.2f}" if value < 1000 else f"{value:,.0f}")


def _factor(value: float) -> Text:
    return Text(f"{value:.4g}", "" if value == 1 else "bold")
