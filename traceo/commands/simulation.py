"""Answers about sampling for a terminal: green is as it should be, yellow is worth a look, red is lost or wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from traceo.commands.display import console, show_duration, show_time

Row = Mapping[str, Any]
BAR_WIDTH = 24
WIDE = 120  # columns from which figures themselves are shown beside their errors
COMPACT = 60  # columns of the errors alone
NARROWEST_NAME = 18
SHOWN = 10  # rows of a list; all are in --json
BYTE_UNITS = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
VERDICTS = ("kept", "dropped")
RARE_VERDICTS = ("late_kept", "late_dropped", "forced", "would_drop", "rescued")  # shown where there are any
# Relative errors up to which a figure is right, and up to which it still serves.
EXACTNESS = {"rate_per_s": (0.01, 0.05), "error_ratio": (0.01, 0.05)}
OF_QUANTILES = (0.03, 0.10)
HEADS = {"rate_per_s": "rate", "error_ratio": "errors", "p50_ms": "p50", "p95_ms": "p95", "p99_ms": "p99"}


def print_simulation(report: Row) -> None:
    """What is kept, by whom, what is lost, and how right figures stay."""
    covered, replayed = report["covered"], report["replayed"]
    if not replayed["traces"]:
        console.print(Text(f"no spans in the {report['source']} range: nothing to replay", "yellow"))
        return
    window = f"{show_time(covered['start_ns'])[:19]} to {show_time(covered['end_ns'])[11:19]}"
    length = show_duration(covered["seconds"] * 1e9)
    head = Text(f"What if: {report['source']} spans, {window} ({length})", "bold")
    console.print(head.append(f"  {replayed['traces']:,} traces, {replayed['spans']:,} spans replayed", "dim"))
    for note in report["notes"]:
        console.print(Text(f"note: {note}", "yellow"))
    _print_totals(report)
    _print_policies(report)
    _print_budgets(report["budgets"])
    _print_losses(report["losses"])
    _print_figures(report["figures"])


def _print_totals(report: Row) -> None:
    table = _table("", ">all", ">kept", ">share", "")
    for unit, row in report["totals"].items():
        show = _bytes if unit == "bytes" else _count
        table.add_row(Text(unit), show(row["all"]), show(row["kept"]), _share(row["share"]), _bar(row["share"]))
    cost = report["cost"]
    if cost:
        month = cost["all_per_30_days"] is not None
        whole, kept = (cost[f"{name}_per_30_days" if month else name] for name in ("all", "kept"))
        saved = Text(f"saves {whole - kept:,.2f}", "green")
        label = "cost, 30 days" if month else "cost"
        table.add_row(Text(label), Text(f"{whole:,.2f}"), Text(f"{kept:,.2f}", "bold"), Text(""), saved)
    console.print(table)


def _print_policies(report: Row) -> None:
    total = report["totals"]["bytes"]["kept"]
    table = _table("policy", "type", ">traces", ">spans", ">bytes", ">of kept", ">first", ">only this one")
    for row in report["policies"]:
        sums = row.get("keeps") or row["forbids"]
        drops = "forbids" in row
        share = sums["bytes"] / total if total and not drops else None
        style = "red" if drops else "" if sums["traces"] else "dim"
        name = Text(row["policy"], style).append(" forbids" if drops else "", "red")
        cells = [_count(sums["traces"]), _count(sums["spans"]), _bytes(sums["bytes"]), _share(share)]
        more = [_count(row[kind]["traces"]) if not drops else Text("-", "dim") for kind in ("first", "alone")]
        table.add_row(name, Text(row["type"], "dim"), *cells, *more)
    _print_section("Policies", "traces that each would keep, keeps before all others, and keeps alone")
    console.print(table)


def _print_budgets(budgets: list[Row]) -> None:
    if not budgets:
        return
    _print_section("Budgets", "what policies would keep, and what is kept of it")
    table = _table("budget", "scope", "unit", ">target", ">demand", ">kept")
    for row in budgets:
        exempt = {"budget": "", "scope": "errors, slow traces", "unit": row["unit"], **row["exempt"]}
        for part in (row, exempt):
            numbers = (f"{part['target']:,.4g}", f"{part['demand']:,.4g}", f"{part['factor']:.1%}")
            style = "yellow" if part["factor"] < 1 else ""
            table.add_row(
                *(Text(part[name]) for name in ("budget", "scope", "unit")), *(Text(n, style) for n in numbers)
            )
    console.print(table)


def _print_losses(losses: Row) -> None:
    _print_section("What would be lost", "no span of it left")
    threshold = losses["slow"]["threshold_ms"]
    slow = "slower than their root's p99" if threshold is None else f"of {show_duration(threshold * 1e6)} or more"
    _print_lost_traces(losses["errors"], "traces with errors")
    _print_lost_traces(losses["slow"], f"traces {slow}")
    for level in ("services", "operations"):
        _print_lost_groups(losses[level], level)


def _print_lost_traces(row: Row, what: str) -> None:
    if not row["traces"]:
        console.print(Text(f"  - no {what} came", "dim"))
    elif not row["lost"]:
        console.print(Text(f"  ✓ all {row['traces']:,.0f} {what} are kept", "green"))
    else:
        line = Text(f"  ✗ {row['lost']:,.0f} of {row['traces']:,.0f} {what} ({row['share_lost']:.1%})", "red")
        console.print(line)
        for trace_id in row["examples"]:
            console.print(Text(f"      {trace_id}", "dim"))


def _print_lost_groups(row: Row, what: str) -> None:
    if not row["lost"]:
        console.print(Text(f"  ✓ all {row['all']:,} {what} have kept spans", "green"))
        return
    console.print(Text(f"  ✗ {row['lost']:,} of {row['all']:,} {what}", "red"))
    table = _table("", "", "", ">spans", ">errors", "such as trace")
    for item in row["list"][:SHOWN]:
        name, kind = Text(item.get("operation", "")), Text(item.get("kind", ""), "dim")
        spans, errors = _count(item["spans"]), _count(item["errors"], "bold red" if item["errors"] else "dim")
        table.add_row(Text(f"    {item['service']}"), name, kind, spans, errors, Text(item["examples"][0], "dim"))
    console.print(table)
    _print_more(row["lost"] - SHOWN)


def _print_figures(figures: Row) -> None:
    wide = console.width >= WIDE
    _print_section("Figures", "exact, and how far off they are when estimated from the kept spans" if wide else "error")
    for level in ("services", "operations"):
        rows = figures[level]
        if not rows:
            continue
        title = "service" if level == "services" else f"\noperation of over {figures['min_requests']:,}"
        width = max(NARROWEST_NAME, console.width - (WIDE - NARROWEST_NAME if wide else COMPACT))
        table = _table(title[:width], ">requests", ">kept", *(f">{head}" for head in HEADS.values()))
        for row in rows[:SHOWN]:
            name = row["service"] if level == "services" else f"{row['service']}: {row['operation']}"
            shown = Text(name if len(name) <= width else f"{name[: width - 1]}…")
            cells = [_figure(head, row[head], wide) for head in HEADS]
            table.add_row(shown, _count(row["requests"]), _count(row["kept_spans"]), *cells)
        console.print(table)
        _print_more(len(rows) - SHOWN)


def _figure(name: str, row: Row, wide: bool) -> Text:
    """The figure (`wide`) and the relative error of its estimate."""
    exact = row["exact"]
    text = f"{exact:.2%}" if name == "error_ratio" else f"{exact:,.3g}/s" if name == "rate_per_s" else ""
    cell = Text((text or show_duration(exact * 1e6)) if wide else "")
    if row["estimated"] is None:
        return cell.append("   lost", "red")
    if row["error"] is None:
        return cell.append("    new", "red")
    right, serves = EXACTNESS.get(name, OF_QUANTILES)
    size = abs(row["error"])
    return cell.append(f" {row['error']:+6.1%}", "green" if size <= right else "yellow" if size <= serves else "red")


def print_kept(answer: Row) -> None:
    """What becomes of the traces that were asked for."""
    if not answer["matched"]:
        console.print(Text("no trace matches", "yellow"))
        return
    line = Text(f"{answer['matched']:,} {'trace matches' if answer['matched'] == 1 else 'traces match'}: ", "bold")
    line.append(f"{answer['will_be_kept']:,} will be kept", "green" if answer["will_be_kept"] else "dim")
    line.append(f", {answer['already_kept']:,} are kept already")
    if answer["awaited"]:
        line.append(f", {answer['awaited']:,} are kept if they come", "yellow")
    line.append(f", {answer['too_late']:,} are gone", "red" if answer["too_late"] else "dim")
    console.print(line)
    for row in answer["traces"][:SHOWN]:
        style = {"will be kept": "green", "too late": "red"}.get(row["state"], "dim")
        console.print(Text(f"  {row['trace_id']}  ").append(row["state"], style))
    _print_more(answer["matched"] - SHOWN)


def print_ledger(answer: Row) -> None:
    """What was seen and kept, and bytes by verdict; a trace counts once for each service in it."""
    if not answer["rows"]:
        console.print(Text("nothing was judged in this range", "dim"))
        return
    by, total, wide = answer["by"], answer["total"], console.width >= WIDE
    verdicts = [*VERDICTS, *(verdict for verdict in RARE_VERDICTS if total[verdict]["bytes"])]
    with_logs = total["seen"]["log_bytes"] > 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(by)  # the only one that may be folded
    kept = ("traces", "spans", "seen", "share kept", "") if wide else ("seen", "share")
    logs = (*(("logs seen",) if wide else ()), "logs kept") if with_logs else ()
    for name in (*kept, *(verdict.replace("_", " ") for verdict in verdicts), *logs):
        table.add_column(name, justify="right", no_wrap=True)
    for row in (*answer["rows"], {by: "all", **total}):
        table.add_row(Text(row[by] or "(none)"), *_ledger_cells(row, verdicts, wide, with_logs))
    console.print(table)


def _ledger_cells(row: Row, verdicts: Sequence[str], wide: bool, with_logs: bool) -> list[Text]:
    seen, share = row["seen"], row["share_kept"]["bytes"]
    counts = [_count(seen[unit]) for unit in ("traces", "spans")] if wide else []
    kept = [_bytes(seen["bytes"]), _share(share), *([_bar(share)] if wide else [])]
    logs = [*([_bytes(seen["log_bytes"])] if wide else []), _share(row["share_kept"]["log_bytes"])]
    return [*counts, *kept, *(_bytes(row[verdict]["bytes"]) for verdict in verdicts), *(logs if with_logs else ())]


def _print_section(title: str, explained: str) -> None:
    console.print()
    console.print(Text(title, "bold").append(f"  {explained}", "dim not bold"))


def _print_more(number: int) -> None:
    if number > 0:
        console.print(Text(f"    and {number:,} more: --json", "dim"))


def _table(*names: str) -> Table:
    """Columns to the right where the name begins with >."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left", no_wrap=True)
    return table


def _count(value: float, style: str = "") -> Text:
    return Text(f"{value:,.0f}", style or ("dim" if not value else ""))


def _bytes(value: float) -> Text:
    for size, unit in BYTE_UNITS:
        if value >= size:
            return Text(f"{value / size:,.1f} {unit}")
    return Text(f"{value:,.0f} B", "dim" if not value else "")


def _share(share: float | None) -> Text:
    return Text("-", "dim") if share is None else Text(f"{share:.1%}", "bold")


def _bar(share: float | None) -> Text:
    filled = round((share or 0) * BAR_WIDTH)
    return Text("█" * filled, "cyan").append("░" * (BAR_WIDTH - filled), "dim")
