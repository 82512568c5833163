"""`traceo query promql`: a table of values, or with a time range a chart; and `traceo cardinality`."""

import argparse
import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from traceo.commands.ask import add_server, add_times, ask
from traceo.commands.server import Commands
from traceo.errors import InvalidRequest

API = "/prometheus/api/v1"
SHOWN = 10  # series of a chart; a table has TABLE_ROWS
TABLE_ROWS = 50
# Units that names of metrics end with, or that `--unit` names.
UNITS = {"seconds": "s", "bytes": "B", "ratio": "%", "percent": "percent", "celsius": "°C", "joules": "J", "volts": "V"}
NAME = re.compile(r"\b[a-zA-Z_:][a-zA-Z0-9_:]*")
RATES = re.compile(r"\b(rate|irate|deriv)\s*\(")
UNITLESS = re.compile(r"\b(count|count_values|group|count_over_time|changes|resets|absent|timestamp)\b\s*[(by]")
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)

Sample = Mapping[str, Any]


def add_promql(kinds: Commands) -> None:
    """Add `promql` to what `traceo query` can ask."""
    text = "evaluate PromQL: a table of values now, or with --start a chart"
    parser: argparse.ArgumentParser = kinds.add_parser("promql", help=text, description=text)
    add_server(parser)
    add_times(parser)
    add_moments(parser)
    parser.set_defaults(run=lambda args: print_metric(args, API))


def add_moments(parser: argparse.ArgumentParser) -> None:
    """The expression, and flags of the moments at which it is evaluated."""
    parser.add_argument("expr", help="the expression")
    parser.add_argument("--time", metavar="TIME", help="of a table: like --start (now)")
    parser.add_argument(
        "--step", metavar="DURATION", help="between two points of a chart, such as 30s (fits the width)"
    )
    parser.add_argument("--unit", choices=[*UNITS, "none"], help="of the values (from the metric's name)")


def print_metric(args: argparse.Namespace, api: str) -> None:
    """Ask the API of a language, and show its answer."""
    from traceo.commands.display import console

    if (args.start or args.end or args.step) and args.time:
        raise InvalidRequest("--time is for a table, --start, --end and --step are for a chart: give one or the other")
    chart = bool(args.start or args.end or args.step)
    form = range_form(args, console.width) if chart else _instant_form(args)
    answer = ask(args, "POST", "/query_range" if chart else "/query", api=api, data=form)
    if args.json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    _print_notes(answer)
    unit = "" if args.unit == "none" else UNITS[args.unit] if args.unit else unit_of(args.expr)
    if chart:
        print_chart(answer["data"]["result"], form, unit)
    else:
        _print_values(answer["data"], unit)


def _instant_form(args: argparse.Namespace) -> dict[str, str]:
    from traceo.api.times import parse_time

    return {"query": args.expr, **({"time": str(parse_time(args.time) / 1e9)} if args.time else {})}


def range_form(args: argparse.Namespace, width: int) -> dict[str, str]:
    """Parameters of a chart, times as the server takes them; without a step, two points for each column."""
    from traceo.api.times import parse_duration, parse_time

    now_ns = time.time_ns()
    start, end = parse_time(args.start or "-1h", now_ns) / 1e9, parse_time(args.end or "now", now_ns) / 1e9
    if args.step:
        step = parse_duration(args.step) / 1e9
    else:
        wanted = (end - start) / (2 * min(width, 200))
        step = next((size for size in STEPS_S if size >= wanted), math.ceil(wanted / 86_400) * 86_400)
        start, end = start // step * step, end // step * step
    return {"query": args.expr, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}


def unit_of(expr: str) -> str:
    """What the names in an expression say of its unit; empty when they disagree or say nothing."""
    if UNITLESS.search(expr):
        return ""
    words = NAME.findall(re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]', "", expr))
    found = {UNITS.get(word.removesuffix("_total").removesuffix("_bucket").rpartition("_")[2], "") for word in words}
    units = found - {""}
    if "/" in expr or len(units) > 1:
        return ""
    unit = units.pop() if units else ""
    if "histogram_quantile" in expr or not RATES.search(expr):
        return unit
    return "" if unit == "s" else f"{unit}/s"  # seconds in each second: a number


def _print_notes(answer: Mapping[str, Any]) -> None:
    from rich.text import Text

    from traceo.commands.display import console

    for kind, style in (("warnings", "yellow"), ("infos", "dim")):
        for note in answer.get(kind, []):
            console.print(Text(f"{kind.removesuffix('s')}: {note}", style))


def _print_values(data: Mapping[str, Any], unit: str) -> None:
    from rich.text import Text

    from traceo.commands.display import console

    if data["resultType"] in ("scalar", "string"):
        text = data["result"][1]
        console.print(Text(text if data["resultType"] == "string" else _show(float(text), unit)))
    elif data["resultType"] == "matrix":
        _print_matrix(data["result"])
    else:
        print_vector(data["result"], unit)


def print_vector(samples: Sequence[Sample], unit: str) -> None:
    """A row for each series, with a bar as long as its value where all are positive."""
    from rich.table import Table
    from rich.text import Text

    from traceo.commands.display import console

    if not samples:
        console.print(Text("nothing found", "dim"))
        return
    names = _varying(samples)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names or ["series"]:
        table.add_column(name, overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    numbers = [float(sample["value"][1]) if "value" in sample else math.nan for sample in samples]
    finite = [number for number in numbers if math.isfinite(number)]
    largest = max(finite, default=0.0) if len(finite) > 1 and min(finite) >= 0 else 0.0
    for sample, number in list(zip(samples, numbers, strict=True))[:TABLE_ROWS]:
        labels = [Text(sample["metric"].get(name, "-")) for name in names] or [Text(_series(sample["metric"]))]
        shown = _show(number, unit) if "value" in sample else _histogram(sample["histogram"][1])
        bar = "▇" * round(24 * number / largest) if largest and math.isfinite(number) else ""
        table.add_row(*labels, Text(shown, "bold"), Text(bar, "cyan"))
    _print_common(samples, names)
    console.print(table)
    _print_more(len(samples) - TABLE_ROWS)


def _print_matrix(result: Sequence[Sample]) -> None:
    """A range vector at one moment: its raw samples."""
    from rich.text import Text

    from traceo.commands.display import console, show_time

    for series in result[:TABLE_ROWS]:
        console.print(Text(_series(series["metric"]), "bold"))
        for moment, value in series.get("values", []):
            console.print(Text(f"  {show_time(round(moment * 1000) * 10**6)}  ", "dim").append(value, "not dim"))
        for moment, value in series.get("histograms", []):
            console.print(Text(f"  {show_time(round(moment * 1000) * 10**6)}  {_histogram(value)}"))
    _print_more(len(result) - TABLE_ROWS)


def print_chart(result: Sequence[Sample], form: Mapping[str, str], unit: str) -> None:
    """The series with the largest means, and what their colours are."""
    from rich.text import Text

    from traceo.commands.chart import COLOURS, Line, draw_chart
    from traceo.commands.display import console

    floats = sorted((series for series in result if "values" in series), key=_mean, reverse=True)
    if not floats:
        what = "only histograms: try histogram_quantile() or histogram_avg()" if result else "nothing found"
        console.print(Text(what, "dim"))
        return
    drawn = floats[:SHOWN]
    lines = [Line([moment for moment, _ in one["values"]], _numbers(one)) for one in drawn]
    draw_chart(console, lines, float(form["start"]), float(form["end"]), unit, float(form["step"]))
    _print_legend(drawn, unit, COLOURS)
    _print_more(len(floats) - SHOWN)


def _print_legend(drawn: Sequence[Sample], unit: str, colours: Sequence[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    from traceo.commands.display import console

    names = _varying(drawn)
    _print_common(drawn, names)
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("")
    for name in names or ["series"]:
        table.add_column(name, overflow="fold")
    for name in ("last", "min", "mean", "max"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, series in enumerate(drawn):
        values = [value for value in _numbers(series) if math.isfinite(value)] or [math.nan]
        labels = [Text(series["metric"].get(name, "-")) for name in names] or [Text(_series(series["metric"]))]
        sums = (values[-1], min(values), sum(values) / len(values), max(values))
        table.add_row(
            Text("━━", colours[number % len(colours)]), *labels, *(Text(_show(value, unit)) for value in sums)
        )
    console.print()
    console.print(table)


def _print_common(samples: Sequence[Sample], names: Sequence[str]) -> None:
    """Labels that all series share stand once, above."""
    from rich.text import Text

    from traceo.commands.display import console

    common = {name: value for name, value in samples[0]["metric"].items() if name not in names}
    if common and names:
        console.print(Text(_series(common), "dim"))


def _print_more(number: int) -> None:
    from rich.text import Text

    from traceo.commands.display import console

    if number > 0:
        console.print(Text(f"and {number:,} more: --json", "dim"))


def _varying(samples: Sequence[Sample]) -> list[str]:
    """Labels that tell the series apart."""
    names = sorted({name for sample in samples for name in sample["metric"]})
    return [name for name in names if len({sample["metric"].get(name) for sample in samples}) > 1]


def _series(labels: Mapping[str, str]) -> str:
    pairs = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items() if name != "__name__"
    )
    return f"{labels.get('__name__', '')}{{{pairs}}}" if pairs or "__name__" not in labels else labels["__name__"]


def _histogram(value: Mapping[str, Any]) -> str:
    return f"count {value['count']}, sum {value['sum']}, {len(value.get('buckets', []))} buckets"


def _numbers(series: Sample) -> list[float]:
    return [float(value) for _, value in series["values"]]


def _mean(series: Sample) -> float:
    values = [value for value in _numbers(series) if math.isfinite(value)]
    return sum(values) / len(values) if values else -math.inf


def _show(value: float, unit: str) -> str:
    from traceo.commands.chart import show_value

    return show_value(value, unit)
