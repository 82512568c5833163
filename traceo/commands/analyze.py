"""`traceo analyze`: why a trace or an operation is slow, what two sets of traces differ in, errors in groups."""

import argparse
import json
from typing import Any
from urllib.parse import quote

from traceo.commands.ask import add_server, add_times, ask
from traceo.commands.server import Commands
from traceo.errors import InvalidRequest

FILTER = ("service", "operation", "kind", "status", "attr", "resource", "min_duration", "max_duration")


def add_commands(commands: Commands) -> None:
    """Add to the parser."""
    text = "why traces are slow, what they differ in, which errors there are"
    analyze = commands.add_parser("analyze", help=text, description=text)
    kinds = analyze.add_subparsers(title="what", metavar="WHAT", required=True)
    path = _add_kind(kinds, "critical-path", "what determined when a trace ended", _critical_path, times=False)
    path.add_argument("trace_id", help="32 hexadecimal digits; leading zeros may be left out")
    path.add_argument("--root", metavar="SPAN_ID", help="explain this span's end, not that of the whole trace")
    operation = _add_kind(kinds, "operation", "where an operation's slow executions spend their time", _operation)
    operation.add_argument("service", help="its service")
    operation.add_argument("operation", help="its name")
    operation.add_argument("--quantile", type=float, metavar="Q", help="what is slow (0.99)")
    operation.add_argument("--baseline", type=float, metavar="Q", help="what is usual (0.5)")
    compare = _add_kind(kinds, "compare", "what slow, failed or newer traces have that others have not", _compare)
    compare.add_argument("service", nargs="?", default="", help="whose spans are looked at")
    compare.add_argument("operation", nargs="?", default="", help="their name")
    which = compare.add_mutually_exclusive_group()
    which.add_argument("--slow", type=float, metavar="Q", help="slowest against the faster half (0.95)")
    which.add_argument("--failed", action="store_true", help="those with an error against the others")
    which.add_argument("--since", metavar="TIME", help="after this moment against before, such as a deploy")
    which.add_argument("--selection", metavar="TRACEQL", help="the spans that it finds against those of --baseline")
    compare.add_argument("--baseline", metavar="TRACEQL", help="beside --selection ({ })")
    compare.add_argument("--matched", action="store_true", help="look at these spans only, not at their whole traces")
    compare.add_argument("--limit", type=int, metavar="N", help="rows of each table (50)")
    errors = _add_kind(kinds, "errors", "errors in groups, the most frequent first", _errors)
    errors.add_argument("--service", metavar="NAME", help="name of the service")
    errors.add_argument("--operation", metavar="NAME", help="name of the span")
    errors.add_argument("--limit", type=int, metavar="N", help="how many groups at the most (50)")
    errors.add_argument("--stacks", action="store_true", help="show each group's frames")
    _add_heatmap(kinds)


def _add_heatmap(kinds: Commands) -> None:
    heatmap = _add_kind(kinds, "heatmap", "how many spans took how long, over time", _heatmap)
    heatmap.add_argument("--service", metavar="NAME", help="name of the service")
    heatmap.add_argument("--operation", metavar="NAME", help="name of the span")
    heatmap.add_argument("--kind", help="unspecified, internal, server, client, producer or consumer")
    heatmap.add_argument("--status", help="unset, ok or error")
    heatmap.add_argument("--min-duration", metavar="DURATION", help="such as 250ms, 1.5s, 2h")
    heatmap.add_argument("--max-duration", metavar="DURATION", help="like --min-duration")
    heatmap.add_argument("--attr", action="append", metavar="KEY=VALUE", help="an attribute; may be repeated")
    heatmap.add_argument("--resource", action="append", metavar="KEY=VALUE", help="a resource's; may be repeated")


def _add_kind(kinds: Commands, name: str, text: str, run: Any, times: bool = True) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(name, help=text, description=text)
    add_server(parser)
    if times:
        add_times(parser)
    parser.set_defaults(run=run)
    return parser


def _critical_path(args: argparse.Namespace) -> None:
    if not args.trace_id:
        raise InvalidRequest("which trace? its id is up to 32 hexadecimal digits")
    trace = f"/traces/{quote(args.trace_id, safe='')}"
    path = ask(args, "GET", f"{trace}/critical-path", params=_given({"root": args.root}))
    if args.json:
        _print_json(path)
        return
    from traceo.commands.analysis import show_critical_path

    show_critical_path(ask(args, "GET", trace), path)


def _operation(args: argparse.Namespace) -> None:
    names = ("service", "operation", "quantile", "baseline", "start", "end")
    answer = ask(args, "GET", "/analysis/critical-path", params=_given({name: getattr(args, name) for name in names}))
    if args.json:
        _print_json(answer)
        return
    from traceo.commands.analysis import show_operation

    show_operation(answer)


def _compare(args: argparse.Namespace) -> None:
    if not args.service and not args.selection:
        raise InvalidRequest("compare what? Name a service, or give --selection and --baseline in TraceQL")
    if args.baseline and not args.selection:
        raise InvalidRequest("--baseline goes with --selection")
    of = {"service": args.service, "operation": args.operation}
    selection, baseline = dict[str, Any](of), dict[str, Any](of)
    if args.failed:
        selection["status"] = "error"
    elif args.since:
        selection["start"], baseline["end"] = args.since, args.since
    elif args.selection:
        selection["traceql"], baseline["traceql"] = args.selection, args.baseline or "{ }"
    else:
        slow = 0.95 if args.slow is None else args.slow
        selection["min_quantile"], baseline["max_quantile"] = slow, min(0.5, slow)
    body = {
        "selection": selection,
        "baseline": baseline,
        "spans": "matched" if args.matched else None,
        **{"limit": args.limit, "start": args.start, "end": args.end},
    }
    answer = ask(args, "POST", "/analysis/compare", json=_given(body))
    if args.json:
        _print_json(answer)
        return
    from traceo.commands.analysis import show_comparison

    show_comparison(answer)


def _errors(args: argparse.Namespace) -> None:
    names = ("service", "operation", "limit", "start", "end")
    answer = ask(args, "GET", "/errors", params=_given({name: getattr(args, name) for name in names}))
    if args.json:
        _print_json(answer)
        return
    from traceo.commands.analysis import show_errors

    show_errors(answer, stacks=args.stacks)


def _heatmap(args: argparse.Namespace) -> None:
    names = (*FILTER, "start", "end")
    answer = ask(args, "GET", "/analysis/heatmap", params=_given({name: getattr(args, name) for name in names}))
    if args.json:
        _print_json(answer)
        return
    from traceo.commands.analysis import show_heatmap

    show_heatmap(answer)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _print_json(answer: Any) -> None:
    print(json.dumps(answer, indent=2, ensure_ascii=False))
