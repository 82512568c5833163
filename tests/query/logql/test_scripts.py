"""LogQL end to end: every script of tests/scripts/logql on the engine."""

from pathlib import Path

import pytest

from tests.query.logql.scripts import run_script

SCRIPTS = sorted((Path(__file__).parents[2] / "scripts/logql").glob("*.test"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path: Path) -> None:
    run_script(path, f"logql-{path.stem}")
