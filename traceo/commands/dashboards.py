"""`traceo dashboards`: lists them, imports files of Traceo and Grafana with a report, exports them."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from traceo.commands.ask import add_server, ask
from traceo.commands.server import Commands
from traceo.errors import InvalidRequest

PATH = "/dashboards"


def add_commands(commands: Commands) -> None:
    """Add to the parser."""
    text = "list, import and export dashboards"
    dashboards = commands.add_parser("dashboards", help=text, description=text)
    actions = dashboards.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = _add_action(actions, "list", "the dashboards of a tenant", _list)
    listing.add_argument("--search", default="", metavar="TEXT", help="words that title and tags have")
    importing = _add_action(actions, "import", "make a dashboard of a file that Traceo or Grafana exported", _import)
    importing.add_argument("file", metavar="FILE", help="JSON; `-` reads standard input")
    importing.add_argument("--id", default="", help="part of its link; one that exists gets a new version")
    importing.add_argument("--dry-run", action="store_true", help="only report what would be left out")
    exporting = _add_action(actions, "export", "print a dashboard as JSON", _export)
    exporting.add_argument("id", help="as `list` shows it")


def _add_action(actions: Commands, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    add_server(parser)
    parser.set_defaults(run=run)
    return parser


def _list(args: argparse.Namespace) -> None:
    found = ask(args, "GET", PATH, params={"search": args.search})
    if args.json:
        _print_json(found)
        return
    from traceo.commands.display import print_table, show_minute

    names = ("id", "title", "tags", "panels", "version", "created_at", "created_by")
    print_table(found["dashboards"], names, {"created_at": show_minute})


def _import(args: argparse.Namespace) -> None:
    """The report goes to standard error: what was made is the answer."""
    imported = ask(args, "POST", f"{PATH}/import", json={"dashboard": _read(args.file)})
    for note in imported["notes"]:
        about = f" ({note['about']})" if note["about"] else ""
        print(f"{note['place']}{about}: {note['why']}", file=sys.stderr)
    if args.dry_run:
        return
    body = {"dashboard": imported["dashboard"], "comment": f"imported from {Path(args.file).name[:200]}"}
    known = ask(args, "GET", PATH)["dashboards"] if args.id else []
    last = next((row["version"] for row in known if row["id"] == args.id), None)
    if last is None:
        made = ask(args, "POST", PATH, json={**body, "id": args.id})
    else:
        made = ask(args, "PUT", f"{PATH}/{args.id}", json={**body, "version": last})
    if args.json:
        _print_json({"id": made["id"], "version": made["version"], "notes": imported["notes"]})
        return
    print(f"dashboard {made['id']}, version {made['version']}: {made['title']}, {made['panels']} panels")


def _export(args: argparse.Namespace) -> None:
    _print_json(ask(args, "GET", f"{PATH}/{args.id}")["dashboard"])


def _read(name: str) -> Any:
    try:
        return json.loads(sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"cannot read {name}: {error}") from error


def _print_json(found: Any) -> None:
    print(json.dumps(found, indent=2, ensure_ascii=False))
