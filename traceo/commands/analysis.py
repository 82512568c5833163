"""Answers of `traceo analyze` for a terminal, as wide as it is."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from traceo.commands.display import console, in_tree_order, print_table, show_duration, show_spark, show_time

Row = Mapping[str, Any]
SHADES = " ░▒▓█"
COLOURS = {"own work": "", "network": "magenta", "messaging queue": "yellow", "retry": "red", "straggler": "yellow"}
MAX_LINES = 200  # of a waterfall: the spans of the path first
MAX_WIDTH = 160


def show_critical_path(trace: Row, path: Row) -> None:
    """A waterfall: bars are filled where a span is on the path, the time on the path stands beside them."""
    begin, total = path["start_time_ns"], max(path["duration_ns"], 1)
    on_path: dict[str, list[Row]] = {}
    for part in path["segments"]:
        on_path.setdefault(part["span_id"], []).append(part)
    head = f"trace {path['trace_id']}  {show_duration(path['duration_ns'])}  {path['spans']} spans"
    console.print(Text(head, "bold"), soft_wrap=True)
    width = min(console.width, MAX_WIDTH)
    names, bars = (width - 24) * 5 // 11, (width - 24) * 6 // 11
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(width=names, no_wrap=True, overflow="ellipsis")
    table.add_column(width=bars, no_wrap=True)
    table.add_column(width=9, justify="right", no_wrap=True)
    table.add_column(width=9, justify="right", no_wrap=True)
    shown = in_tree_order(trace["spans"])
    left_out = max(0, len(shown) - MAX_LINES)
    if left_out:
        shown = [line for line in shown if line[0]["span_id"] in on_path][:MAX_LINES]
    for span, depth in shown:
        parts = on_path.get(span["span_id"], [])
        style = "" if parts else "dim"
        name = f"{'  ' * min(depth, 12)}{span['service']}: {span['name']}"
        own = sum(part["duration_ns"] for part in parts)
        bar = _draw(span["start_time_ns"] - begin, span["duration_ns"], parts, total, bars)
        table.add_row(
            Text(name, "red" if span["status"] == "error" else style),
            bar,
            Text(show_duration(span["duration_ns"]), style),
            Text(show_duration(own) if parts else "", "bold"),
        )
    console.print(table)
    if left_out:
        console.print(Text(f"{left_out} more spans: those on the path are shown, {MAX_LINES} at the most", "dim"))
    console.print()
    _show_sums(path)
    for note in path["mended"]:
        console.print(Text(f"note: {note}", "yellow"))


def _draw(offset: int, duration: int, parts: list[Row], total: int, width: int) -> Text:
    cells, styles = [" "] * width, [""] * width

    def fill(start: int, length: int, mark: str, style: str) -> None:
        first = min(width - 1, max(0, start * width // total))
        last = min(width, max(first + 1, -(-(start + length) * width // total)))
        cells[first:last], styles[first:last] = [mark] * (last - first), [style] * (last - first)

    if offset < total and offset + duration >= 0:
        fill(offset, duration, "─", "dim")
    for part in parts:
        fill(part["offset_ns"], part["duration_ns"], "█", COLOURS.get(part["kind"], "cyan") or "cyan")
    bar = Text()
    for cell, style in zip(cells, styles, strict=True):
        bar.append(cell, style)
    return bar


def _show_sums(path: Row) -> None:
    rows = [{**row, "operation": f"{row['service']}: {row['operation']}"} for row in path["on_path"][:15]]
    print_table(
        rows,
        ("operation", "kind", "duration_ns", "share"),
        {"duration_ns": lambda value: Text(show_duration(value), justify="right"), "share": _percent},
    )


def show_operation(answer: Row) -> None:
    """Contributions with their difference, the largest first."""
    slow, usual = answer["quantile"], answer["baseline"]
    head = f"{answer['service']}: {answer['operation']}  {answer['traces_read']} of {answer['traces']} traces"
    console.print(Text(head, "bold"), soft_wrap=True)
    for name, cohort in (("slow", slow), ("usual", usual)):
        text = f"{name} (around {cohort['level']:g}): {_ms(cohort['mean_ms'])} on average, {cohort['traces']} traces"
        console.print(Text(text, "dim"))
    rows = [{**row, "operation": f"{row['service']}: {row['operation']}"} for row in answer["contributions"][:20]]
    names = ("operation", "kind", "difference_ms", "interval", "share", "at_quantile_ms", "at_baseline_ms")
    for row in rows:
        row["interval"] = f"{_ms(row['low_ms'])} to {_ms(row['high_ms'])}" + ("" if row["certain"] else " ?")
    show = {name: _milliseconds for name in names if name.endswith("_ms")}
    print_table(rows, names, {**show, "share": _percent})
    if example := next((row["examples"][0] for row in answer["contributions"] if row["examples"]), None):
        console.print(Text(f"look at one: traceo analyze critical-path {example}", "dim"), soft_wrap=True)
    if answer["overlapping"]:
        console.print(Text("so few traces that some are slow and usual at once: take a longer range", "yellow"))


def show_comparison(answer: Row) -> None:
    """Attributes, numbers and durations that tell the sets apart."""
    first, second = answer["selection"], answer["baseline"]
    head = f"{first['traces_compared']} traces against {second['traces_compared']}, {answer['tests']} tests"
    console.print(Text(head, "bold"))
    values = [
        {**row, "attribute": f"{row['key']} = {'(any)' if row['value'] is None else row['value']}"}
        for row in answer["attributes"]
        if row["significant"] and row["effect"] > 0  # what the baseline has instead is in --json
    ]
    show = {"selection_share": _percent, "baseline_share": _percent, "effect": _effect, "q_value": _q_value}
    names = ("attribute", "selection_share", "baseline_share", "effect", "q_value")
    print_table([{**row, "attribute": row["attribute"][: _room()]} for row in values], names, show)
    keys = [row for row in answer["keys"] if row["significant"]]
    if keys:
        console.print()
        print_table(keys[:15], ("key", "scope", "distinct_values", "effect", "q_value"), show)
    for title in ("numbers", "durations"):
        rows = [
            {**row, "what": row["key"] if title == "numbers" else f"{row['service']}: {row['operation']}"}
            for row in answer[title]
            if row["significant"]
        ]
        if rows:
            console.print()
            unit = _milliseconds if title == "durations" else _number
            medians = {"selection_median": unit, "baseline_median": unit}
            columns = ("what", "selection_median", "baseline_median", "effect", "q_value")
            print_table([{**row, "what": row["what"][: _room()]} for row in rows[:15]], columns, {**show, **medians})
    if answer["sampled"]:
        console.print(Text("some of the traces only, chosen by the hash of their ids", "dim"))


def show_errors(answer: Row, *, stacks: bool = False) -> None:
    """Each group in two lines: how often and what, then where and when."""
    if not answer["errors"]:
        console.print(Text("no errors found", "dim"))
    for group in answer["errors"]:
        line = Text(f"{group['count']:>8.0f} ", "bold red").append(f"{show_spark(group['points'])} ", "red")
        line.append(f"{group['type']}: " if group["type"] else "", "bold").append(group["message"] or "(no message)")
        console.print(line, no_wrap=True, overflow="ellipsis")
        services = ", ".join(dict.fromkeys(row["service"] for row in group["versions"]))
        where = group["frames"][0] if group["frames"] else group["operation"]
        about = Text(f"{'':>9}{services}", "cyan").append(f"  {where}", "dim")
        for new in group["new_in"]:
            about.append(f"  new in {new['version'] or 'a version without a name'}", "yellow")
        console.print(about, no_wrap=True, overflow="ellipsis")
        seen = f"{'':>9}{show_time(group['first_seen_ns'])} to {show_time(group['last_seen_ns'])}"
        console.print(Text(seen, "dim"), no_wrap=True, overflow="ellipsis")
        if group["example_traces"]:
            console.print(Text(f"{'':>9}trace {group['example_traces'][0]}", "dim"), no_wrap=True, overflow="ellipsis")
        for frame in group["frames"] if stacks else ():
            console.print(Text(f"{'':>11}{frame}", "dim"), no_wrap=True, overflow="ellipsis")
    if answer["groups"] > len(answer["errors"]):
        console.print(Text(f"{answer['groups']} groups: --limit shows more", "dim"))


def show_heatmap(answer: Row) -> None:
    """Time to the right, durations upwards, darker where more spans are."""
    if not answer["cells"]:
        console.print(Text("nothing found", "dim"))
        return
    squeeze = max(1, -(-answer["columns"] // max(10, min(console.width, MAX_WIDTH) - 12)))
    counts: dict[tuple[int, int], float] = {}
    for cell in answer["cells"]:
        key = cell["level"], cell["column"] // squeeze
        counts[key] = counts.get(key, 0.0) + cell["count"]
    most, levels = max(max(counts.values()), 1e-9), [level["level"] for level in answer["levels"]]
    columns = range(-(-answer["columns"] // squeeze))
    for level in range(max(levels), min(levels) - 1, -1):
        name = show_duration(2 ** (level / answer["per_double"]))
        cells = "".join(SHADES[_shade(counts.get((level, column), 0), most)] for column in columns)
        console.print(Text(f"{name:>9} ").append(cells, "cyan"), no_wrap=True, overflow="crop")
    start, end = answer["start_ns"], answer["start_ns"] + answer["step_ns"] * answer["columns"]
    console.print(Text(f"{'':>9} {show_time(start)} to {show_time(end)}, from {answer['source']}", "dim"))


def _shade(count: float, most: float) -> int:
    """By the square root, so that few are seen beside many."""
    return 0 if count <= 0 else max(1, round((count / most) ** 0.5 * (len(SHADES) - 1)))


def _room() -> int:
    """For what names a row: it is never folded."""
    return max(20, min(console.width, MAX_WIDTH) - 48)


def _ms(value: float) -> str:
    return show_duration(value * 1e6) if value else "0"


def _milliseconds(value: float) -> Text:
    return Text(_ms(value), justify="right")


def _percent(value: float) -> Text:
    return Text(f"{value:.1%}", justify="right")


def _number(value: float) -> Text:
    return Text(f"{value:g}", justify="right")


def _effect(value: float) -> Text:
    return Text(f"{value:+.2f}", "bold", justify="right")


def _q_value(value: float) -> Text:
    return Text("< 1e-9" if value < 1e-9 else f"{value:.2g}", justify="right")
