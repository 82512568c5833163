"""`traceo query patterns`: templates of log lines with their counts; which are new, which have vanished."""

import argparse
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from traceo.commands.ask import add_server, ask
from traceo.commands.server import Commands

if TYPE_CHECKING:
    from traceo.query.sql import TimeRange

COLUMNS = 24
MINUTE_NS = 60 * 10**9


def add_patterns(kinds: Commands) -> None:
    """Add `patterns` to what `traceo query` can ask."""
    text = "templates of log lines, most lines first; + new, - vanished against a range of the same length just before"
    parser: argparse.ArgumentParser = kinds.add_parser("patterns", help=text, description=text)
    add_server(parser)
    parser.add_argument("text", nargs="?", help="a part of the template")
    parser.add_argument("--start", metavar="TIME", default="-1h", help="RFC 3339, unix seconds, or relative (-1h)")
    parser.add_argument("--end", metavar="TIME", default="now", help="like --start (now)")
    parser.add_argument("--service", action="append", metavar="NAME", help="name of a service; may be repeated")
    parser.add_argument("--min-severity", metavar="LEVEL", help="trace, debug, info, warn, error, fatal or 1 to 24")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many at the most (50)")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from traceo.api.times import parse_range

    between = parse_range(args.start, args.end)
    step = -(-(between.end_ns - between.start_ns) // (COLUMNS * MINUTE_NS))
    asked = {"start": between.start_ns, "end": between.end_ns, "service": args.service, "text": args.text}
    asked |= {"min_severity": args.min_severity, "limit": args.limit}
    given = {name: value for name, value in asked.items() if value is not None}
    counted = ask(args, "GET", "/logs/patterns", params={**given, "step": f"{step}m"})
    before = {"before_start": 2 * between.start_ns - between.end_ns, "before_end": between.start_ns}
    compared = ask(args, "GET", "/logs/patterns/compare", params={**given, **before})
    if args.json:
        answer = {**counted, "new": compared["new"], "vanished": compared["vanished"]}
        print(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    _print(counted["patterns"], compared, between, step * MINUTE_NS)


def _print(
    patterns: list[Mapping[str, Any]], compared: Mapping[str, list[Mapping[str, Any]]], between: "TimeRange", step: int
) -> None:
    """One line each: mark, lines, counts over time, level, service, template."""
    from rich.text import Text

    from traceo.commands.display import console, show_spark

    new = {(row["service"], row["pattern"]) for row in compared["new"]}
    first, last = between.start_ns // step, (between.end_ns - 1) // step
    for row in patterns:
        points = {at_ns // step: lines for at_ns, lines in row["points"]}
        spark = show_spark([points.get(place, 0) for place in range(first, last + 1)])
        is_new = (row["service"], row["pattern"]) in new
        line = Text("+ " if is_new else "  ", "bold green").append(f"{row['lines']:>9,}  ", "bold not green")
        line.append(f"{spark}  ", "cyan not bold").append(f"{row['level']:<5}  ", "dim not bold")
        line.append(f"{row['service']}  ", "not bold not green").append(row["template"], "not bold not green")
        console.print(line, soft_wrap=True)
    for row in compared["vanished"]:
        minutes = f"{row['before']:.3g}/min"
        console.print(Text(f"- {minutes:>9} before  {row['service']}  {row['template']}", "red"), soft_wrap=True)
    if not patterns and not compared["vanished"]:
        console.print(Text("nothing found", "dim"))
