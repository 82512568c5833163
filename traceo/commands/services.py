"""`traceo services`: the catalogue as a table, one service as a page, the map as a tree."""

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from traceo.commands.ask import add_server, add_times, ask
from traceo.commands.server import Commands

if TYPE_CHECKING:  # it takes a while to load: only what prints does
    from rich.text import Text

Row = Mapping[str, Any]
OWNER = ("team", "tier", "on_call", "runbook", "repository")
OWNER_COLUMNS = ("team", "tier")
COLOURS = {"failing": "bold red", "degraded": "yellow", "healthy": "green", "idle": "dim"}


def add_commands(commands: Commands) -> None:
    """Add to the parser."""
    text = "the catalogue of services; `show NAME` and `map`"
    parser = commands.add_parser("services", help=text, description=text)
    _add_flags(parser)
    parser.add_argument("--search", default="", metavar="TEXT", help="part of a name, version, language or namespace")
    parser.add_argument(
        "--sort", default="requests", metavar="FIGURE", help="such as health, error_ratio, p95_ms, service"
    )
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="how many at the most (100)")
    parser.set_defaults(run=_list)
    kinds = parser.add_subparsers(title="what", metavar="WHAT")
    show = kinds.add_parser("show", help="everything about one service")
    _add_flags(show)
    show.add_argument("service", help="its name")
    show.set_defaults(run=_show)
    drawn = kinds.add_parser("map", help="who calls whom, as a tree")
    _add_flags(drawn)
    drawn.add_argument("--focus", default="", metavar="NAME", help="only what lies around this service")
    drawn.add_argument("--hops", type=int, default=2, metavar="N", help="how far around it, in calls (2)")
    drawn.set_defaults(run=_map)


def _add_flags(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    add_times(parser)


def _ask(args: argparse.Namespace, path: str, **parameters: Any) -> Any:
    """The answer; None after it was printed as JSON."""
    given = {"start": args.start, "end": args.end, **parameters}
    answer = ask(args, "GET", path, params={name: value for name, value in given.items() if value not in (None, "")})
    if not args.json:
        return answer
    print(json.dumps(answer, indent=2, ensure_ascii=False))
    return None


def _list(args: argparse.Namespace) -> None:
    answer = _ask(args, "/catalog", search=args.search, sort=args.sort, limit=args.limit)
    if answer is None:
        return
    from traceo.commands.display import RED_SHOW, console, print_table

    rows = [
        {**row, **{name: (row["owner"] or {}).get(name) or None for name in OWNER_COLUMNS}}
        for row in answer["services"]
    ]
    # What nobody said of any service is no column: most installations have no owners at first.
    said = [name for name in (*OWNER_COLUMNS, "apdex") if any(row[name] is not None for row in rows)]
    names = ("service", "health", *said, "rate_per_s", "error_ratio", "p50_ms", "p95_ms", "versions", "languages")
    print_table(rows, names, RED_SHOW | {"health": _health, "apdex": _score})
    if answer["total"] > len(answer["services"]):
        console.print(f"{len(answer['services'])} of {answer['total']}: see --limit", style="dim")


def _show(args: argparse.Namespace) -> None:
    page = _ask(args, f"/catalog/{quote(args.service, safe='')}")
    if page is None:
        return
    from traceo.commands.display import RED_SHOW, console, print_table

    show = RED_SHOW | {"health": _health, "first_seen": _moment, "last_seen": _moment, "time": _moment}
    names = ("rate_per_s", "error_ratio", "p50_ms", "p95_ms", "p99_ms")
    for name in OWNER:
        if page["owner"] and page["owner"][name]:
            console.print(f"{name.replace('_', ' '):<12}{page['owner'][name]}", markup=False, soft_wrap=True)
    apdex = ("apdex",) if page["apdex"] is not None else ()
    print_table([page], ("service", "health", *names, *apdex, "languages", "signals"), show | {"apdex": _score})
    if page["health_reason"]:
        console.print(page["health_reason"], style="dim", markup=False)
    for title, key, columns in (
        ("operations", "operations", ("operation", "kind", *names)),
        ("versions", "releases", ("version", "environment", "first_seen", "last_seen", *names)),
        ("deploys", "deploys", ("time", "environment", "from_version", "to_version", "rollback")),
        ("called by", "upstream", ("source", "kind", "health", *names)),
        ("calls", "downstream", ("target", "kind", "health", *names)),
    ):
        if page[key]:
            console.print(f"\n{title}", style="bold")
            print_table(page[key], columns, show)


def _map(args: argparse.Namespace) -> None:
    answer = _ask(args, "/map", focus=args.focus, hops=args.hops)
    if answer is None:
        return
    from rich.text import Text

    from traceo.commands.display import console, show_duration

    for depth, node, edge in draw_tree(answer["nodes"], answer["edges"]):
        line = Text("  " * depth)
        line.append(node["name"], COLOURS[node["health"]])
        line.append("" if node["type"] == "service" else f" ({node['type']})", "dim")
        if edge:
            line.append(f"  {edge['rate_per_s']:.3g}/s  p95 {show_duration(edge['p95_ms'] * 1e6)}")
            line.append(f"  {edge['error_ratio']:.2%} errors" if edge["errors"] else "", "red")
        console.print(line, soft_wrap=True)
    if not answer["nodes"]:
        console.print(Text("nothing found", "dim"))


def draw_tree(nodes: list[Row], edges: list[Row]) -> Iterator[tuple[int, Row, Row | None]]:
    """(depth, node, the edge that leads to it); callees under the callers, which are followed once each.

    It begins with what nobody calls, then with what is only called in circles.
    """
    by_id = {node["id"]: node for node in nodes}
    called = {edge["target"] for edge in edges}
    roots = sorted(by_id, key=lambda key: (key in called, key))
    followed: set[str] = set()
    reached: set[str] = set()
    callees: dict[str, list[Row]] = {}
    for edge in edges:
        callees.setdefault(edge["source"], []).append(edge)
    for root in roots:
        if root in reached:
            continue
        stack: list[tuple[int, str, Row | None]] = [(0, root, None)]
        while stack:
            depth, key, through = stack.pop()
            reached.add(key)
            yield depth, by_id[key], through
            if key not in followed:
                followed.add(key)
                stack += [(depth + 1, call["target"], call) for call in reversed(callees.get(key, []))]


def _health(value: str) -> "Text":
    from rich.text import Text

    return Text(value, COLOURS[value])


def _score(value: float) -> "Text":
    from rich.text import Text

    return Text(f"{value:.2f}")


def _moment(value: int) -> "Text":
    from rich.text import Text

    from traceo.commands.display import show_time

    return Text(show_time(value * 10**9)[:16])
