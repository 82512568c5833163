"""TraceQL end to end: every script of tests/scripts/traceql on the engine."""

from pathlib import Path

import pytest

from tests.query.traceql.scripts import run_script

SCRIPTS = sorted((Path(__file__).parents[2] / "scripts/traceql").glob("*.test"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path: Path) -> None:
    run_script(path, f"traceql-{path.stem}")
