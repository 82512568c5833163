"""Answers as tables and waterfalls for a terminal: units, errors in red, times in local time."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

BAR_WIDTH = 32
SPARKS = "▁▂▃▄▅▆▇█"
NAME_WIDTH = 48
SEVERITY_COLOURS = ((17, "red"), (13, "yellow"), (9, ""), (0, "dim"))
DURATION_UNITS = ((60e9, "min"), (1e9, "s"), (1e6, "ms"), (1e3, "µs"))

Row = Mapping[str, Any]
PIPED_WIDTH = 240  # a file or another program has no width: it gets whole lines
SHOWN_UNITS = ("_ns", "_ms", "_per_s")  # a value that is shown with its unit needs none in its heading
console = Console(highlight=False, soft_wrap=False)
if not console.is_terminal:
    console.width = PIPED_WIDTH


def print_table(
    rows: Sequence[Row], names: Sequence[str], show: Mapping[str, Callable[[Any], Text]] | None = None
) -> None:
    """Rows as a table; numbers to the right. What names a row (the first column) is never folded."""
    table, shown = Table(box=None, header_style="bold", pad_edge=False), show or {}
    for name in names:
        number = bool(rows) and all(isinstance(row.get(name), int | float | None) for row in rows)
        justify: Literal["left", "right"] = "right" if number else "left"
        table.add_column(_heading(name, name in shown), justify=justify, overflow="fold", no_wrap=name == names[0])
    for row in rows:
        table.add_row(*(_cell(row.get(name), shown.get(name)) for name in names))
    console.print(table if rows else Text("nothing found", "dim"))


def _heading(name: str, with_unit: bool) -> str:
    unit = next((unit for unit in SHOWN_UNITS if with_unit and name.endswith(unit)), "")
    return name.removesuffix(unit).replace("_", " ")


def show_duration(nanoseconds: float) -> str:
    """With the unit that leaves 1 to 3 digits before the point."""
    for size, unit in DURATION_UNITS:
        if abs(nanoseconds) >= size:
            return (
                f"{nanoseconds / size:.3g} {unit}" if nanoseconds < 1000 * size else f"{nanoseconds / size:.0f} {unit}"
            )
    return f"{nanoseconds:.0f} ns"


def show_spark(points: Sequence[float]) -> str:
    """A column for each point, the highest one full."""
    most = max([*points, 1])
    return "".join(SPARKS[round(value / most * (len(SPARKS) - 1))] for value in points)


def show_time(nanoseconds: int) -> str:
    """Local time with milliseconds."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}.{rest // 10**6:03d}"


def show_minute(time: str) -> Text:
    """Local time of RFC 3339, without seconds."""
    return Text(f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M}")


def _cell(value: Any, show: Callable[[Any], Text] | None) -> Text:
    if value is None:
        return Text("-", "dim")
    if show:
        return show(value)
    return Text(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _ratio(value: float) -> Text:
    return Text(f"{value:.2%}", "red" if value else "")


def _milliseconds(value: float) -> Text:
    return Text(show_duration(value * 1e6))


def _nanoseconds(value: int) -> Text:
    return Text(show_duration(value))


def _errors(value: int) -> Text:
    return Text(str(value), "bold red" if value else "")


RED_NAMES = ("requests", "rate_per_s", "error_ratio", "p50_ms", "p95_ms", "p99_ms")
RED_SHOW: dict[str, Callable[[Any], Text]] = {
    "rate_per_s": lambda value: Text(f"{value:.3g}/s"),
    "error_ratio": _ratio,
    "p50_ms": _milliseconds,
    "p95_ms": _milliseconds,
    "p99_ms": _milliseconds,
    "start_time_ns": lambda value: Text(show_time(value)),
    "duration_ns": _nanoseconds,
    "errors": _errors,
}


def _show_services(answer: Row) -> None:
    print_table(answer["services"], ("service", *RED_NAMES, "spans"), RED_SHOW)
    if whole := [row["service"] for row in answer["services"] if row["measured"] != "entry spans"]:
        console.print(Text(f"measured by all of their spans, because none is an entry: {', '.join(whole)}", "dim"))


def _show_operations(answer: Row) -> None:
    print_table(answer["operations"], ("operation", "kind", *RED_NAMES), RED_SHOW)


def _show_traces(answer: Row) -> None:
    names = ("trace_id", "start_time_ns", "root_service", "root_name", "duration_ns", "spans", "errors")
    print_table(answer["traces"], names, RED_SHOW)
    _show_more(answer)


def _show_metrics(answer: Row) -> None:
    print_table(answer["metrics"], ("metric", "type", "unit", "series", "description"))


def _show_sql(answer: Row) -> None:
    names = [column["name"] for column in answer["columns"]]
    print_table([dict(zip(names, row, strict=True)) for row in answer["rows"]], names)


def print_live(row: Row) -> None:
    """A log record or a span on a line."""
    console.print(_record_line(row) if "body" in row else _span_line(row), soft_wrap=True)


def _record_line(record: Row) -> Text:
    colour = next(colour for least, colour in SEVERITY_COLOURS if record["severity"] >= least)
    line = Text(f"{show_time(record['time_ns'])} ", "dim")
    line.append(f"{record['severity_text'] or record['severity'] or '-':<5} ", colour)
    line.append(f"{record['service']}: ", "cyan")
    line.append(str(record["body"]), colour)
    return line


def _span_line(span: Row) -> Text:
    line = Text(f"{show_time(span['start_time_ns'])} ", "dim")
    line.append(f"{span['service']}: ", "cyan")
    line.append(f"{span['name']} ", "red" if span["status"] == "error" else "")
    line.append(f"{show_duration(span['duration_ns'])} ", "bold")
    line.append(span["trace_id"], "dim")
    return line


def _show_logs(answer: Row) -> None:
    for record in reversed(answer["logs"]):  # the newest at the bottom, like any log
        console.print(_record_line(record), soft_wrap=True)
    if not answer["logs"]:
        console.print(Text("nothing found", "dim"))
    _show_more(answer)


def _show_more(answer: Row) -> None:
    if answer.get("next_cursor"):
        console.print(Text(f"more: --cursor {answer['next_cursor']}", "dim"), soft_wrap=True)


def _show_trace(answer: Row) -> None:
    """A waterfall: each span under its parent, with a bar where it lies within the trace."""
    spans = answer["spans"]
    start = min(span["start_time_ns"] for span in spans)
    end = max(span["start_time_ns"] + span["duration_ns"] for span in spans)
    errors = sum(span["status"] == "error" for span in spans)
    head = f"trace {answer['trace_id']}  {show_time(start)}  {show_duration(end - start)}  {len(spans)} spans"
    console.print(
        Text(head, "bold").append(f"  {errors} error{'s' if errors > 1 else ''}" if errors else "", "bold red"),
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, show_header=False)
    for span, depth in in_tree_order(spans):
        style = "red" if span["status"] == "error" else ""
        name = f"{'  ' * min(depth, 20)}{span['service']}: {span['name']}"
        table.add_row(
            Text(name[:NAME_WIDTH], style, no_wrap=True),
            Text(
                show_bar(span["start_time_ns"] - start, span["duration_ns"], end - start), style or "cyan", no_wrap=True
            ),
            Text(show_duration(span["duration_ns"]), style, justify="right", no_wrap=True),
            Text(span["status_message"], style),
        )
    console.print(table)


def in_tree_order(spans: Sequence[Row]) -> list[tuple[Row, int]]:
    """Spans with their depth, children under their parents; spans whose parent is missing stand at the top."""
    ids = {span["span_id"] for span in spans}
    children: dict[str | None, list[Row]] = {}
    for span in spans:
        parent = span["parent_span_id"]
        children.setdefault(parent if parent in ids and parent != span["span_id"] else None, []).append(span)
    order: list[tuple[Row, int]] = []
    seen: set[str] = set()
    stack = [(span, 0) for span in reversed(children.get(None, []))]
    while stack:
        span, depth = stack.pop()
        order.append((span, depth))
        seen.add(span["span_id"])
        stack += [(child, depth + 1) for child in reversed(children.get(span["span_id"], []))]
    return order + [(span, 0) for span in spans if span["span_id"] not in seen]  # parents in a circle


def show_bar(offset: int, duration: int, total: int) -> str:
    """Where a span lies within its trace; the three in one unit."""
    if total <= 0:
        return "█" * BAR_WIDTH
    first = min(BAR_WIDTH - 1, offset * BAR_WIDTH // total)
    width = max(1, min(BAR_WIDTH - first, round(duration * BAR_WIDTH / total)))
    return (" " * first + "█" * width).ljust(BAR_WIDTH)


SHOW: dict[str, Callable[[Row], None]] = {
    "services": _show_services,
    "operations": _show_operations,
    "traces": _show_traces,
    "trace": _show_trace,
    "logs": _show_logs,
    "metrics": _show_metrics,
    "sql": _show_sql,
}
