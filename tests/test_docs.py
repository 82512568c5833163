"""The docs against the code: every route and own metric has a heading, and every command in them is one that exists."""

import argparse
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from traceo.api.app import make_api
from traceo.api.compat.prometheus import federate, labels, query, status
from traceo.api.services import ApiServices
from traceo.cli import make_parser, parse_arguments
from traceo.config import Config
from traceo.reference import own_metrics

ROOT = Path(__file__).parents[1]
DOCS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "traceo" / "demo.py"])
COMMAND = re.compile(
    r"(?:^|[/}`\s(])(?:traceo|\{command\}) +"
    r"((?:serve|demo|migrate|config|token|query|tail|scrape|cardinality|services|dashboards|analyze)\b[^`#\n]*)",
    re.M,
)
PROMETHEUS: list[Any] = [federate.router, labels.router, query.router, status.router, status.probes]
PLACEHOLDER = re.compile(r"[|…]|\.\.\.|^\w+$|→")


def headings() -> str:
    pages = [path.read_text() for path in DOCS if path.suffix == ".md"]
    return "\n".join(line for page in pages for line in page.splitlines() if line.startswith("#"))


def commands() -> list[Any]:
    found = [
        (path, match[1].strip())
        for path in DOCS
        if path.parent.name != "reference"
        for match in COMMAND.finditer(path.read_text())
    ]
    whole = [(path, text) for path, text in found if not PLACEHOLDER.search(text)]
    return [pytest.param(text, id=f"{path.name}: {text[:50]}") for path, text in whole]


def test_there_are_commands_in_the_docs() -> None:
    assert len(commands()) > 12


@pytest.mark.parametrize("text", commands())
def test_command_in_the_docs_is_understood(text: str) -> None:
    try:
        parse_arguments(shlex.split(text.rstrip(").,:;")))
    except SystemExit as end:
        raise AssertionError(f"traceo {text}") from end


def test_every_route_has_a_heading(tmp_path: Path) -> None:
    services: Any = dict.fromkeys(ApiServices.__slots__) | {"config": Config(data_dir=tmp_path)}
    paths = set(make_api(ApiServices(**services)).openapi()["paths"])
    found = headings()
    missing = [path for path in paths if f"{path.removeprefix('/api/v1')}`" not in found]
    assert len(paths) > 10 and missing == []


def test_every_route_of_prometheus_has_a_heading() -> None:
    found = headings()
    paths = {f"{route.path}" for part in PROMETHEUS for route in part.routes}
    assert len(paths) > 20 and [path for path in paths if f"{path}`" not in found] == []


@pytest.mark.parametrize("metric", own_metrics(), ids=lambda metric: metric._name)
def test_own_metric_is_described(metric: Any) -> None:
    assert metric._documentation.endswith(".")
    assert metric._name in headings()


def test_every_argument_has_a_help_text() -> None:
    silent: list[str] = []

    def look(parser: argparse.ArgumentParser) -> None:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for command in action.choices.values():
                    look(command)
            elif not action.help:
                silent.append(f"{parser.prog} {action.dest}")

    look(make_parser())
    assert silent == []


def test_links_in_the_docs_lead_somewhere() -> None:
    broken = []
    for path in (path for path in DOCS if path.suffix == ".md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
            if not (path.parent / target).exists():
                broken.append(f"{path.name}: {target}")
    assert broken == []
