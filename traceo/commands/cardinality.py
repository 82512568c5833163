"""`traceo cardinality`: which series there are, what makes them, how they come and go, and which nobody queries."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from traceo.commands.ask import add_server, ask
from traceo.commands.server import Commands

Row = Mapping[str, Any]
BAR = 24


def add_commands(commands: Commands) -> None:
    """Add to the parser."""
    text = "series: the largest metrics and labels, churn, growth, and metrics that nobody queries"
    parser = commands.add_parser("cardinality", help=text, description=text)
    add_server(parser)
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="rows of each list (10)")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    answer = ask(args, "GET", "/cardinality", params={"limit": args.limit})
    if args.json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    _print_sums(answer)
    _print_days(answer["days"])
    _print_metrics(answer)
    _print_labels(answer["labels"])
    _print_unqueried(answer["unqueried"])


def _print_sums(answer: Row) -> None:
    from rich.text import Text

    from traceo.commands.display import console

    series = answer["series"]
    line = Text(f"{series['today']:,} series today", "bold")
    line.append(f" of {series['metrics']:,} metrics; {series['limit']:,} are allowed a day", "dim not bold")
    if series["today"] >= series["limit"]:
        line.append("  the limit is reached: new series are refused", "bold red")
    console.print(line)
    change = f"{series['new']:,} are new since yesterday ({series['new_per_hour']:,.0f} an hour)"
    console.print(Text(f"{change}, {series['gone']:,} of yesterday's have not come again", "dim"))


def _print_days(days: Sequence[Row]) -> None:
    table = _table("day", ">series", "")
    largest = max((row["series"] for row in days), default=0)
    for row in days:
        table.add_row(row["day"], f"{row['series']:,}", _bar(row["series"], largest))
    _print("Growth", table, days)


def _print_metrics(answer: Row) -> None:
    from rich.text import Text

    from traceo.commands.display import show_minute

    table = _table("metric", ">series", "", ">new", ">gone", ">queries", "last queried")
    total = answer["series"]["today"]
    for row in answer["metrics"]:
        last = show_minute(row["last_queried_at"]) if row["last_queried_at"] else Text("never", "dim")
        counts = (f"{row['new']:,}", f"{row['gone']:,}", f"{row['queries']:,}")
        table.add_row(row["metric"], f"{row['series']:,}", _bar(row["series"], total), *counts, last)
    _print("Largest metrics", table, answer["metrics"])


def _print_labels(labels: Sequence[Row]) -> None:
    table = _table("label", ">values", ">series", "on most series")
    for row in labels:
        top = ", ".join(f"{item['value'][:40]} ({item['series']:,})" for item in row["top"][:3])
        table.add_row(row["label"], f"{row['values']:,}", f"{row['series']:,}", top)
    _print("Labels with most values", table, labels)


def _print_unqueried(unqueried: Row) -> None:
    from traceo.commands.display import show_minute

    since = unqueried["since"]
    table = _table("metric", ">series")
    for row in unqueried["list"]:
        table.add_row(row["metric"], f"{row['series']:,}")
    since = since and show_minute(since)
    counts = f"{unqueried['metrics']:,} metrics with {unqueried['series']:,} series"
    _print(f"Queried by nobody since {since}: {counts}" if since else "No query was seen yet", table, unqueried["list"])


def _print(title: str, table: Any, rows: Sequence[Row]) -> None:
    from rich.text import Text

    from traceo.commands.display import console

    console.print()
    console.print(Text(title, "bold"))
    console.print(table if rows else Text("nothing found", "dim"))


def _table(*names: str) -> Any:
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in names:
        table.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left", overflow="fold")
    return table


def _bar(value: int, largest: int) -> Any:
    from rich.text import Text

    return Text("▇" * (round(BAR * value / largest) if largest else 0), "cyan")
