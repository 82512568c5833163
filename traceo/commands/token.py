"""`traceo token`: creates, lists and revokes tokens, in the state database of the settings."""

import argparse
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from traceo.commands.server import Commands, add_settings, load_config
from traceo.errors import InvalidRequest

if TYPE_CHECKING:
    from traceo.access.model import Token
    from traceo.access.service import AccessService

SCOPES = ("ingest", "query", "admin")
DAY_UNITS = {"h": 1 / 24, "d": 1, "w": 7}


def add_commands(commands: Commands) -> None:
    """Add to the parser."""
    token = commands.add_parser("token", help="create, list and revoke access tokens")
    actions = token.add_subparsers(title="actions", metavar="ACTION", required=True)
    create = _add_action(actions, "create", "make a token and print its secret, once", _create)
    create.add_argument("name", help="what it is for")
    create.add_argument(
        "--scope", action="append", choices=SCOPES, help="what it may do; may be repeated (ingest and query)"
    )
    create.add_argument("--expires", metavar="AGE", help="such as 12h, 90d (never)")
    _add_action(actions, "list", "show a tenant's tokens", _list)
    revoke = _add_action(actions, "revoke", "end a token", _revoke)
    revoke.add_argument("id", type=int, help="number of the token, as `traceo token list` shows it")


def _add_action(actions: Commands, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    add_settings(parser)
    parser.add_argument("--tenant", help="tenant (access.default_tenant)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser


def _open(args: argparse.Namespace) -> "tuple[AccessService, str]":
    config = load_config(args)
    from traceo.access.service import AccessService
    from traceo.state.database import open_state

    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return AccessService(open_state(config.state_url), config), args.tenant or config.access.default_tenant


def _create(args: argparse.Namespace) -> None:
    from traceo.access.model import Scope

    expires_at = datetime.now(UTC) + _parse_age(args.expires) if args.expires else None
    access, tenant = _open(args)
    scopes = [Scope(name) for name in args.scope or ("ingest", "query")]
    token, secret = access.create_token(tenant, args.name, scopes, expires_at)
    if args.json:
        print(json.dumps({**_show(token), "secret": secret}))
    else:
        print(secret)


def _list(args: argparse.Namespace) -> None:
    access, tenant = _open(args)
    tokens = [_show(token) for token in access.list_tokens(tenant)]
    if args.json:
        print(json.dumps(tokens))
        return
    from traceo.commands.display import print_table, show_minute

    times = ("created_at", "last_used_at", "expires_at", "revoked_at")
    print_table(tokens, ("id", "name", "scopes", *times), dict.fromkeys(times, show_minute))


def _revoke(args: argparse.Namespace) -> None:
    access, tenant = _open(args)
    access.revoke_token(tenant, args.id)
    print(json.dumps({"revoked": args.id}) if args.json else f"token {args.id} is revoked")


def _show(token: "Token") -> dict[str, Any]:
    times = ("created_at", "last_used_at", "expires_at", "revoked_at")
    shown = {name: getattr(token, name) for name in times}
    return {
        "id": token.id,
        "tenant": token.tenant,
        "name": token.name,
        "scopes": sorted(token.scopes),
        **{name: value.isoformat(timespec="seconds") if value else None for name, value in shown.items()},
    }


def _parse_age(text: str) -> timedelta:
    if text[-1:] not in DAY_UNITS or not text[:-1].isdecimal() or not 0 < int(text[:-1]) < 10_000:
        raise InvalidRequest(f"{text!r} is not an age: 12h, 90d and 4w are")
    return timedelta(days=int(text[:-1]) * DAY_UNITS[text[-1]])
