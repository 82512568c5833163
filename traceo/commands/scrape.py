"""`traceo scrape check`: reads a scrape configuration as the server would, and shows what it would scrape."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traceo.commands.server import Commands

if TYPE_CHECKING:
    from traceo.scraping.check import Checked
    from traceo.scraping.target import Target

COLUMNS = ("job", "url", "labels", "interval", "timeout")


def add_commands(commands: Commands) -> None:
    """Add to the parser."""
    scrape = commands.add_parser("scrape", help="Prometheus' scrape configurations")
    actions = scrape.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="check a file and list its targets", description=_check.__doc__)
    check.add_argument("file", metavar="FILE", type=Path, help="a configuration of Prometheus")
    check.add_argument("--wait", metavar="SECONDS", type=float, default=5.0, help="how long discovery may take (5)")
    check.add_argument("--json", action="store_true", help="print JSON")
    check.set_defaults(run=_check)


def _check(args: argparse.Namespace) -> None:
    """Check a configuration file of Prometheus, and list the targets that it finds now; nothing is scraped."""
    import asyncio

    from traceo.scraping.check import find_targets
    from traceo.scraping.config import load_file

    file = load_file(args.file)
    jobs = asyncio.run(find_targets(file.configs, args.wait))
    rows = [_row(job, target) for job in jobs for target in job.found.targets.values()]
    notes = [*file.notes, *(note for job in jobs for note in _notes(job))]
    if args.json:
        print(json.dumps({"jobs": len(jobs), "targets": rows, "notes": notes}, indent=2, ensure_ascii=False))
        return
    from traceo.commands.display import print_table

    print(f"{args.file}: valid, {_count(len(jobs), 'job')}, {_count(len(rows), 'target')}")
    for note in notes:
        print(f"note: {note}")
    if rows:
        print()
        print_table([{**row, "labels": _show(row["labels"])} for row in rows], COLUMNS)


def _row(job: "Checked", target: "Target") -> dict[str, Any]:
    from traceo.scraping.target import show_duration

    times = {"interval": show_duration(target.interval_s), "timeout": show_duration(target.timeout_s)}
    return {"job": job.config.job_name, "url": target.url, "labels": target.labels, **times}


def _notes(job: "Checked") -> list[str]:
    name = job.config.job_name
    notes = [f"job {name}: {problem}" for problem in job.found.problems]
    if job.found.dropped:
        notes.append(f"job {name}: relabelling drops {_count(len(job.found.dropped), 'target')}")
    if job.silent:
        notes.append(f"job {name}: {_count(job.silent, 'discovery', 'discoveries')} did not answer in time (--wait)")
    return notes


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _show(labels: dict[str, str]) -> str:
    return ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
