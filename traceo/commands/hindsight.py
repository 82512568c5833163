"""`traceo sampling simulate`, `keep` and `ledger`: what a policy set would do, what shall be kept, what was done."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from traceo.commands.ask import add_server, add_times, ask
from traceo.commands.server import Commands
from traceo.errors import InvalidRequest


def add_actions(actions: Commands) -> None:
    """Add the actions to the parser of `traceo sampling`."""
    simulate = _add_action(actions, "simulate", "what a policy set would have kept, cost and lost", _simulate)
    simulate.add_argument("policies", metavar="FILE", help="the set in YAML; `-` reads it from standard input")
    simulate.add_argument("--source", choices=("recent", "stored"), default="recent", help="all that rests (recent)")
    simulate.add_argument("--slow-ms", type=float, metavar="MS", help="a trace is slow from here (its root's p99)")
    simulate.add_argument("--price", type=float, metavar="PER_GIB", help="of a stored GiB, in any currency")
    simulate.add_argument("--min-requests", type=int, metavar="N", help="show operations with more (1000)")
    keep = _add_action(actions, "keep", "keep traces that still rest in the recent window", _keep)
    keep.add_argument("trace_ids", nargs="*", metavar="TRACE_ID", help="or a filter:")
    keep.add_argument("--service", help="a span is of this service")
    keep.add_argument("--operation", metavar="NAME", help="the same span's name")
    keep.add_argument("--status", help="its status: unset, ok or error")
    keep.add_argument("--min-duration-ms", type=float, metavar="MS", help="it took so long or longer")
    keep.add_argument("--attr", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")
    keep.add_argument("--resource", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")
    keep.add_argument("--since", dest="start", help="the same as --start")
    keep.add_argument("--reason", default="", help="shown with the traces")
    text = "how close budgets are to their targets"
    budgets = actions.add_parser("budgets", help=text, description=text)
    add_server(budgets)
    budgets.set_defaults(run=_budgets)
    ledger = _add_action(actions, "ledger", "what was seen, kept and dropped", _ledger)
    ledger.add_argument("--by", choices=("policy", "service", "verdict", "day"), default="policy", help="(policy)")


def _add_action(actions: Commands, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    add_server(parser)
    add_times(parser)
    parser.set_defaults(run=run)
    return parser


def _simulate(args: argparse.Namespace) -> None:
    document = sys.stdin.read() if args.policies == "-" else Path(args.policies).read_text(encoding="utf-8")
    body = {
        "document": document,
        "source": args.source,
        "slow_ms": args.slow_ms,
        "price_per_gib": args.price,
        "min_requests": args.min_requests,
    }
    answer = ask(args, "POST", "/sampling/simulate", json=_given({**body, "start": args.start, "end": args.end}))
    if args.json:
        _print_json(answer)
        return
    from traceo.commands.simulation import print_simulation

    print_simulation(answer)


def _keep(args: argparse.Namespace) -> None:
    names = ("service", "operation", "status", "min_duration_ms")
    chosen = _given({name: getattr(args, name) for name in names})
    chosen |= {name: pairs for name in ("attr", "resource") if (pairs := dict(map(_pair, getattr(args, name))))}
    if "attr" in chosen:
        chosen["attributes"] = chosen.pop("attr")
    if not chosen and not args.trace_ids:
        raise InvalidRequest("keep needs trace ids or a filter such as --service")
    what = {"trace_ids": args.trace_ids or None, "filter": chosen or None}
    body = _given({**what, "start": args.start, "end": args.end, "reason": args.reason})
    answer = ask(args, "POST", "/sampling/keep", json=body)
    if args.json:
        _print_json(answer)
        return
    from traceo.commands.simulation import print_kept

    print_kept(answer)


def _ledger(args: argparse.Namespace) -> None:
    params = _given({"by": args.by, "start": args.start, "end": args.end})
    answer = ask(args, "GET", "/sampling/ledger", params=params)
    if args.json:
        _print_json(answer)
        return
    from traceo.commands.simulation import print_ledger

    print_ledger(answer)


def _budgets(args: argparse.Namespace) -> None:
    from traceo.commands.budgets import run_budgets

    run_budgets(args)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise InvalidRequest(f"{text!r} is not of the form KEY=VALUE")
    return key, value


def _print_json(answer: Any) -> None:
    print(json.dumps(answer, indent=2, ensure_ascii=False))
