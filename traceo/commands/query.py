"""`traceo query`: asks a running server over HTTP; tables for people, `--json` for programs."""

import argparse
import json
import sys
from typing import Any

from traceo.commands.ask import add_server, add_times, ask
from traceo.commands.logql import add_logql
from traceo.commands.patterns import add_patterns
from traceo.commands.promql import add_promql
from traceo.commands.server import Commands
from traceo.commands.traceql import add_traceql
from traceo.errors import InvalidRequest

# What becomes a query parameter of the same name, where the kind of question has it.
PARAMETERS = (
    *("start", "end", "text", "service", "operation", "status", "min_severity", "min_duration", "max_duration"),
    *("trace_id", "attr", "resource", "limit", "cursor"),
)


def add_commands(commands: Commands) -> None:
    """Add to the parser."""
    query = commands.add_parser("query", help="ask a running server")
    kinds = query.add_subparsers(title="what", metavar="WHAT", required=True)
    _add_kind(kinds, "services", "rate, errors and duration of services", "services")
    operations = _add_kind(kinds, "operations", "rate, errors and duration of a service's operations", "operations")
    operations.add_argument("service", help="its name")
    trace = _add_kind(kinds, "trace", "one trace as a waterfall", "trace", times=False)
    trace.add_argument("trace_id", help="32 hexadecimal digits; leading zeros may be left out")
    traces = _add_kind(kinds, "traces", "search for traces", "traces")
    traces.add_argument("--operation", metavar="NAME", help="name of a span")
    traces.add_argument("--status", help="unset, ok or error")
    traces.add_argument("--min-duration", metavar="DURATION", help="such as 250ms, 1.5s, 2h")
    traces.add_argument("--max-duration", metavar="DURATION", help="like --min-duration")
    _add_search(traces)
    logs = _add_kind(kinds, "logs", "search log records", "logs")
    logs.add_argument("text", nargs="?", help='words that must all occur; "a phrase" in quotes')
    logs.add_argument("--min-severity", metavar="LEVEL", help="trace, debug, info, warn, error, fatal or 1 to 24")
    logs.add_argument("--trace-id", metavar="ID", help="32 hexadecimal digits")
    _add_search(logs)
    add_patterns(kinds)
    _add_kind(kinds, "metrics", "metric names, types and units", "metrics")
    add_promql(kinds)
    add_logql(kinds)
    add_traceql(kinds)
    sql = _add_kind(kinds, "sql", "run a SELECT; `-` reads it from standard input", "sql", times=False)
    sql.add_argument("query", help="the statement, or `-`")
    sql.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="value of {NAME:Type}")


def _add_kind(kinds: Commands, name: str, text: str, kind: str, times: bool = True) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(name, help=text, description=text)
    add_server(parser)
    if times:
        add_times(parser)
    parser.set_defaults(run=_run, kind=kind)
    return parser


def _add_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--service", metavar="NAME", help="name of the service")
    parser.add_argument("--attr", action="append", metavar="KEY=VALUE", help="an attribute; may be repeated")
    parser.add_argument("--resource", action="append", metavar="KEY=VALUE", help="a resource's; may be repeated")
    parser.add_argument("--limit", type=int, metavar="N", help="how many at the most")
    parser.add_argument("--cursor", help="next_cursor of the page before")


def _run(args: argparse.Namespace) -> None:
    method, path, request = _request(args)
    answer = ask(args, method, path, **request)
    if args.json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    from traceo.commands.display import SHOW

    SHOW[args.kind](answer)


def _request(args: argparse.Namespace) -> tuple[str, str, dict[str, Any]]:
    from urllib.parse import quote

    if args.kind == "sql":
        text = sys.stdin.read() if args.query == "-" else args.query
        return "POST", "/sql", {"json": {"query": text, "params": dict(_read_param(item) for item in args.param)}}
    if args.kind == "trace":
        if not args.trace_id:
            raise InvalidRequest("which trace? its id is up to 32 hexadecimal digits")
        return "GET", f"/traces/{quote(args.trace_id, safe='')}", {}
    path = f"/services/{quote(args.service, safe='')}/operations" if args.kind == "operations" else f"/{args.kind}"
    given = {name: getattr(args, name, None) for name in PARAMETERS if (args.kind, name) != ("operations", "service")}
    return "GET", path, {"params": {name: value for name, value in given.items() if value is not None}}


def _read_param(text: str) -> tuple[str, Any]:
    """Numbers are sent as numbers, so that `{n:UInt64}` takes them."""
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidRequest(f"{text!r} is not of the form NAME=VALUE")
    return name, int(value) if value.lstrip("-").isdecimal() and len(value) < 20 else value
