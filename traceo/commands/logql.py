"""`traceo query logql`: lines as a table, metrics as `traceo query promql` shows them."""

import argparse
import json
import time
from collections.abc import Mapping
from typing import Any

from traceo.commands.ask import add_server, add_times, ask
from traceo.commands.promql import add_moments, print_metric
from traceo.commands.server import Commands

API = "/loki/api/v1"
LEVELS = {"error": "red", "fatal": "red", "critical": "red", "warn": "yellow", "debug": "dim", "trace": "dim"}


def add_logql(kinds: Commands) -> None:
    """Add `logql` to what `traceo query` can ask."""
    text = "evaluate LogQL: lines of logs; of a metric a table of values now, or with --start a chart"
    parser: argparse.ArgumentParser = kinds.add_parser("logql", help=text, description=text)
    add_server(parser)
    add_times(parser)
    add_moments(parser)
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="how many lines at the most (100)")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    if args.expr.lstrip("( \t\n").startswith("{"):
        _print_lines(args)
    else:
        print_metric(args, API)


def _print_lines(args: argparse.Namespace) -> None:
    """Oldest first, as in a file."""
    from rich.text import Text

    from traceo.api.times import parse_time
    from traceo.commands.display import console, show_time

    now_ns = time.time_ns()
    start, end = parse_time(args.start or "-1h", now_ns), parse_time(args.end or "now", now_ns)
    form = {"query": args.expr, "start": str(start), "end": str(end), "limit": str(args.limit)}
    answer = ask(args, "POST", "/query_range", api=API, data=form)
    if args.json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    streams: list[Mapping[str, Any]] = answer["data"]["result"]
    lines = [(int(value[0]), value[1], stream["stream"]) for stream in streams for value in stream["values"]]
    if not lines:
        console.print(Text("nothing found", "dim"))
    for at_ns, line, labels in sorted(lines, key=lambda found: found[0]):
        shown = Text(f"{show_time(at_ns)}  ", "dim").append(f"{labels.get('service_name', '')}  ", "bold not dim")
        level = labels.get("detected_level", "")
        console.print(shown.append(f"{level:<5}  ", LEVELS.get(level, "not dim")).append(line, "not dim"))
