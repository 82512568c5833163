"""`traceo query traceql`: traces with the spans that were meant, or series over time as a chart or a table."""

import argparse
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from traceo.commands.ask import add_server, add_times, ask
from traceo.commands.promql import UNITS, print_chart, print_vector, range_form
from traceo.commands.server import Commands
from traceo.errors import QueryError

if TYPE_CHECKING:
    from traceo.query.traceql.ast import Series

API = "/tempo/api"
Found = Mapping[str, Any]


def add_traceql(kinds: Commands) -> None:
    """Add `traceql` to what `traceo query` can ask."""
    text = "evaluate TraceQL: traces with the spans that are meant; of a metrics query a chart, or with --table numbers"
    parser: argparse.ArgumentParser = kinds.add_parser("traceql", help=text, description=text)
    add_server(parser)
    add_times(parser)
    parser.add_argument("expr", help="the query")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="how many traces at the most (20)")
    parser.add_argument("--spans", type=int, default=5, metavar="N", help="how many spans of a group at the most (5)")
    parser.add_argument(
        "--step", metavar="DURATION", help="between two points of a chart, such as 30s (fits the width)"
    )
    parser.add_argument("--table", action="store_true", help="one value of each series for the whole range, no chart")
    parser.add_argument("--unit", choices=[*UNITS, "none"], help="of the values (from the function)")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from traceo.commands.display import console

    query = _read(args.expr)
    form = range_form(args, console.width)
    form["q"] = form.pop("query")
    if query is None:
        form = {**form, "limit": str(args.limit), "spss": str(args.spans)}
        path = "/search"
    else:
        path = "/metrics/query" if args.table else "/metrics/query_range"
    answer = ask(args, "GET", path, api=API, params=form)
    if args.json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    elif query is None:
        _print_traces(answer["traces"])
    else:
        unit = "" if args.unit == "none" else UNITS[args.unit] if args.unit else _unit_of(query)
        series = [_sample(each) for each in answer["series"]]
        print_vector(series, unit) if args.table else print_chart(series, form, unit)


def _read(text: str) -> "Series | None":
    """The metrics query, if it is one; what is no query at all, the server says better."""
    from traceo.query.traceql.ast import Query
    from traceo.query.traceql.parser import parse_series

    try:
        query = parse_series(text)
    except QueryError:
        return None
    return None if isinstance(query, Query) and query.metrics is None else query


def _unit_of(query: "Series") -> str:
    from traceo.query.traceql.ast import Query
    from traceo.query.traceql.metrics import is_duration

    if not isinstance(query, Query) or query.metrics is None:
        return ""
    if query.metrics.op == "rate":
        return "/s"
    return "s" if is_duration(query.metrics) and query.metrics.op != "histogram_over_time" else ""


def _sample(series: Found) -> dict[str, Any]:
    """A series as Prometheus shows one."""
    labels = {each["key"]: str(next(iter(each["value"].values()), "")) for each in series["labels"]}
    if "samples" in series:
        values = [[int(each["timestampMs"]) / 1000, str(each["value"])] for each in series["samples"]]
        return {"metric": labels, "values": values}
    return {"metric": labels, "value": [0, str(series.get("value", math.nan))]}


def _print_traces(traces: list[Found]) -> None:
    """A block for each trace: what it is, and the spans that were meant, with bars where they lie within it."""
    from rich.text import Text

    from traceo.commands.display import console, show_duration, show_time

    if not traces:
        console.print(Text("nothing found", "dim"))
    for trace in traces:
        stats = trace["serviceStats"].values()
        spans, errors = (sum(each.get(name, 0) for each in stats) for name in ("spanCount", "errorCount"))
        line = Text(trace["traceID"], "bold").append(f"  {show_time(int(trace['startTimeUnixNano']))}  ", "dim")
        line.append(f"{trace['rootServiceName']}: {trace['rootTraceName']}  ", "not bold")
        line.append(f"{show_duration(_length_ns(trace))}  ", "bold").append(f"{spans} spans", "dim")
        console.print(line.append(f"  {errors} error{'s' if errors > 1 else ''}" if errors else "", "red"))
        for group in trace["spanSets"]:
            _print_group(trace, group)


def _length_ns(trace: Found) -> int:
    """The trace's duration, of which the answer has whole milliseconds: at least to the end of the spans shown."""
    start = int(trace["startTimeUnixNano"])
    spans = [span for group in trace["spanSets"] for span in group["spans"]]
    ends = [int(span["startTimeUnixNano"]) + int(span["durationNanos"]) - start for span in spans]
    return max([int(trace["durationMs"]) * 10**6, *ends])


def _print_group(trace: Found, group: Found) -> None:
    from rich.table import Table
    from rich.text import Text

    from traceo.commands.display import NAME_WIDTH, console, show_bar, show_duration

    table = Table(box=None, pad_edge=False, show_header=False)
    start, length = int(trace["startTimeUnixNano"]), _length_ns(trace)
    for span in group["spans"]:
        offset, duration = int(span["startTimeUnixNano"]) - start, int(span["durationNanos"])
        table.add_row(
            Text(f"  {span['name']}"[:NAME_WIDTH], no_wrap=True),
            Text(show_bar(offset, duration, length), "cyan", no_wrap=True),
            Text(show_duration(duration), justify="right", no_wrap=True),
            Text(_pairs(span["attributes"]), "dim"),
        )
    if by := _pairs(group.get("attributes", [])):
        console.print(Text(f"  {by}", "yellow"))
    console.print(table)
    if more := group["matched"] - len(group["spans"]):
        console.print(Text(f"  and {more:,} more: --spans", "dim"))


def _pairs(attributes: list[Found]) -> str:
    return "  ".join(f"{each['key']}={next(iter(each['value'].values()), '')}" for each in attributes)
