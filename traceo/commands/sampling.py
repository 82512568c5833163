"""`traceo sampling policies`: shows and changes a tenant's policies on a running server; checks them anywhere."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from traceo.commands import hindsight
from traceo.commands.ask import add_server, ask
from traceo.commands.server import Commands
from traceo.errors import InvalidRequest, QueryError

PATH = "/sampling/policies"
MODES = {"on": "on", "dry_run": "dry run", "off": "off: everything is kept", "default": "as all tenants"}
SOURCES = {"own": "the tenant's own", "default": "the default of all tenants", "none": "none: everything is kept"}


def add_commands(commands: Commands) -> None:
    """Add to the parser."""
    sampling = commands.add_parser("sampling", help="which traces are kept")
    kinds = sampling.add_subparsers(title="what", metavar="WHAT", required=True)
    hindsight.add_actions(kinds)
    policies = kinds.add_parser("policies", help="show and change the sampling policies")
    actions = policies.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_action(actions, "show", "what applies to the tenant, and where it comes from", _show)
    put = _add_action(actions, "put", "set the tenant's own policies, as a new version", _put)
    put.add_argument("file", metavar="FILE", help="YAML; `-` reads standard input")
    put.add_argument("--dry-run", action="store_true", help="judge and count, but keep everything")
    _add_comment(put)
    validate = _add_action(actions, "validate", "check policies; without --url it needs no server", _validate)
    validate.add_argument("file", metavar="FILE", help="YAML; `-` reads standard input")
    _add_action(actions, "versions", "the versions of the tenant's own policies, newest first", _versions)
    restore = _add_action(actions, "restore", "put an old version in force again, as a new one", _restore)
    restore.add_argument("version", metavar="N", type=int, help="its number, as `versions` lists it")
    _add_comment(_add_action(actions, "off", "switch sampling off: everything is kept", _off))
    _add_comment(_add_action(actions, "default", "go by the default of all tenants again", _follow))


def _add_action(actions: Commands, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    add_server(parser)
    parser.set_defaults(run=run)
    return parser


def _add_comment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--comment", default="", metavar="TEXT", help="why; shown with the version")


def _show(args: argparse.Namespace) -> None:
    found = ask(args, "GET", PATH)
    if args.json:
        _print_json(found)
        return
    print(f"source:        {SOURCES[found['source']]}")
    if found["version"] is not None:
        _print_version(found)


def _put(args: argparse.Namespace) -> None:
    body = {"document": _read(args.file), "dry_run": args.dry_run, "comment": args.comment}
    _print_change(args, ask(args, "PUT", PATH, json=body))


def _validate(args: argparse.Namespace) -> None:
    document = _read(args.file)
    outline = ask(args, "POST", f"{PATH}/validate", json={"document": document}) if args.url else _check(document)
    if args.json:
        _print_json(outline)
        return
    _print_outline(outline)
    print("the policies are valid")


def _versions(args: argparse.Namespace) -> None:
    found = ask(args, "GET", f"{PATH}/versions")
    if args.json:
        _print_json(found)
        return
    from traceo.commands.display import print_table

    rows = [{**row, "mode": MODES[row["mode"]].partition(":")[0]} for row in found["versions"]]
    print_table(rows, ("version", "mode", "created_at", "created_by", "comment"))


def _restore(args: argparse.Namespace) -> None:
    _print_change(args, ask(args, "POST", f"{PATH}/versions/{args.version}/restore"))


def _off(args: argparse.Namespace) -> None:
    _print_change(args, ask(args, "DELETE", PATH, params={"comment": args.comment}))


def _follow(args: argparse.Namespace) -> None:
    _print_change(args, ask(args, "PUT", PATH, json={"document": "default", "comment": args.comment}))


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"cannot read {name}: {error}") from error


def _check(document: str) -> dict[str, Any]:
    """As the server answers; its errors in the words of the client's."""
    from traceo.policies.model import FOLLOW, check_document, read_document

    try:
        document = check_document("any", document)
    except QueryError as error:
        where = f" (at character {error.position + 1})" if error.position is not None else ""
        raise QueryError(f"{error.message}{where}", hint=error.hint) from error
    if document == FOLLOW:
        return {"decision_wait_s": None, "policies": [], "notes": []}
    parsed = read_document(document)
    listed = [{"name": policy.name, "type": policy.type} for policy in parsed.policies.policies]
    return {"decision_wait_s": parsed.policies.decision_wait, "policies": listed, "notes": list(parsed.notes)}


def _print_json(found: Any) -> None:
    print(json.dumps(found, indent=2, ensure_ascii=False))


def _print_change(args: argparse.Namespace, version: dict[str, Any]) -> None:
    if args.json:
        _print_json(version)
        return
    print(f"version {version['version']} is in force: {MODES[version['mode']]}")
    for note in version["notes"]:
        print(f"note: {note}")


def _print_version(version: dict[str, Any]) -> None:
    print(f"version:       {version['version']}, {version['created_at']}, by {version['created_by']}")
    if version["comment"]:
        print(f"comment:       {version['comment']}")
    print(f"mode:          {MODES[version['mode']]}")
    _print_outline(version)
    if version["document"]:
        print(f"\n{version['document'].rstrip()}")


def _print_outline(outline: dict[str, Any]) -> None:
    if outline["decision_wait_s"] is not None:
        print(f"decision wait: {outline['decision_wait_s']:g} s")
    if outline["policies"]:
        from traceo.commands.display import print_table

        print_table(outline["policies"], ("name", "type"))
    for note in outline["notes"]:
        print(f"note: {note}")
