"""`traceo tail`: log records and spans of a running server as they arrive."""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from traceo.commands.ask import DEFAULT_URL, add_server
from traceo.commands.server import Commands
from traceo.errors import InvalidRequest, StoreUnavailable, TraceoError

# What becomes a parameter of the same name.
PARAMETERS = (
    *("text", "query", "service", "operation", "status", "min_severity", "min_duration", "max_duration", "trace_id"),
    *("attr", "resource"),
)


def add_commands(commands: Commands) -> None:
    """Add to the parser."""
    text = "follow log records or spans as they arrive"
    parser = commands.add_parser("tail", help=text, description=text)
    add_server(parser)
    parser.add_argument("text", nargs="?", help='words that must all occur; "a phrase" in quotes')
    parser.add_argument("--spans", action="store_true", help="spans instead of log records")
    parser.add_argument("--query", metavar="LOGQL", help="a selector and line filters of LogQL")
    parser.add_argument("--service", metavar="NAME", help="name of the service")
    parser.add_argument("--min-severity", metavar="LEVEL", help="trace, debug, info, warn, error, fatal or 1 to 24")
    parser.add_argument("--trace-id", metavar="ID", help="32 hexadecimal digits")
    parser.add_argument("--operation", metavar="NAME", help="name of a span")
    parser.add_argument("--status", help="of a span: unset, ok or error")
    parser.add_argument("--min-duration", metavar="DURATION", help="of a span, such as 250ms, 1.5s, 2h")
    parser.add_argument("--max-duration", metavar="DURATION", help="like --min-duration")
    parser.add_argument("--attr", action="append", metavar="KEY=VALUE", help="an attribute; may be repeated")
    parser.add_argument("--resource", action="append", metavar="KEY=VALUE", help="a resource's; may be repeated")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
    from websockets.sync.client import connect

    url, headers = _target(args)
    try:
        with connect(url, additional_headers=headers, max_size=None) as socket:
            for text in socket:
                _show(json.loads(text), args)
    except InvalidStatus as error:
        raise _refusal(error.response.status_code, error.response.body) from error
    except ConnectionClosed as error:
        raise StoreUnavailable(
            f"the server has ended the tail: {error.rcvd.reason if error.rcvd else error}"
        ) from error
    except (OSError, WebSocketException) as error:
        raise StoreUnavailable(
            f"no answer from {url.partition('?')[0]}: {error} (is `traceo serve` running?)"
        ) from error


def _target(args: argparse.Namespace) -> tuple[str, dict[str, str]]:
    from urllib.parse import urlencode

    from traceo import config

    url, token = config.client_settings()
    base = (args.url or url or DEFAULT_URL).rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise InvalidRequest(f"{base!r} is no URL such as {DEFAULT_URL}")
    token = args.token or token
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if args.tenant:
        headers["X-Scope-OrgID"] = args.tenant
    given = {name: getattr(args, name) for name in PARAMETERS if getattr(args, name)}
    query = urlencode({"signal": "spans" if args.spans else "logs", **given}, doseq=True)
    return f"ws{base.removeprefix('http')}/api/v1/stream?{query}", headers


def _show(frame: Mapping[str, Any], args: argparse.Namespace) -> None:
    from traceo.commands.display import print_live

    if frame["type"] == "error":
        raise TraceoError(frame["message"])
    for row in frame.get(frame["type"], ()):
        if args.json:
            print(json.dumps(row, ensure_ascii=False), flush=True)
        else:
            print_live(row)
    if frame.get("dropped"):
        print(f"traceo: {frame['dropped']} more are not shown: choose a narrower filter", file=sys.stderr)


def _refusal(status: int, body: bytes | bytearray | None) -> TraceoError:
    from traceo.commands.client import KINDS

    try:
        message = json.loads(body or b"")["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = f"the server answered {status}"
    return KINDS.get(status, TraceoError)(message)
