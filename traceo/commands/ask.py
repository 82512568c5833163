"""What commands share that ask a running server: their flags, and the call."""

import argparse
from typing import Any

DEFAULT_URL = "http://127.0.0.1:4000"


def add_times(parser: argparse.ArgumentParser) -> None:
    """`--start` and `--end`."""
    parser.add_argument("--start", metavar="TIME", help="RFC 3339, unix seconds, or relative (-1h)")
    parser.add_argument("--end", metavar="TIME", help="like --start (now)")


def add_server(parser: argparse.ArgumentParser) -> None:
    """Flags of every command that asks a running server."""
    parser.add_argument("--url", help=f"server (TRACEO_URL, else {DEFAULT_URL})")
    parser.add_argument("--token", help="access token (TRACEO_TOKEN)")
    parser.add_argument("--tenant", default="", help="tenant, where the server believes it")
    parser.add_argument("--json", action="store_true", help="print the server's JSON")


def ask(args: argparse.Namespace, method: str, path: str, **request: Any) -> Any:
    """The answer of the server that the flags or the environment name, as `client.call`. Raises TraceoError."""
    from traceo import config
    from traceo.commands.client import call

    url, token = config.client_settings()
    return call(args.url or url or DEFAULT_URL, args.token or token, args.tenant, method, path, **request)
