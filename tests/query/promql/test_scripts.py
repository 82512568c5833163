"""Prometheus' own scripts, end to end on the engine; what differs is listed with its reason."""

import asyncio
from pathlib import Path

import pytest
import yaml

from tests.query.engine import engine
from tests.query.promql.script_engine import load, run
from tests.query.promql.script_language import parse_script
from traceo.config import Query
from traceo.query.run import Queries

SCRIPTS = Path(__file__).parents[2] / "scripts" / "promql"
KNOWN = yaml.safe_load((SCRIPTS / "known_failures.yaml").read_text(encoding="utf-8")) or {}


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.test")), ids=lambda path: path.stem)
def test_script_of_prometheus_passes(path: Path, tmp_path: Path) -> None:
    script = parse_script(path)
    known = KNOWN.get(path.stem, {})
    store = engine()

    async def problems() -> dict[int, str]:
        queries = Queries(store, Query())
        await load(store, script, tmp_path)
        return {case.line: f"{case.query}: {problem}" for case in script.evals if (problem := await run(queries, case))}

    found = asyncio.run(problems())
    new = {line: problem for line, problem in found.items() if line not in known}
    assert new == {}, "evaluations that are not in known_failures.yaml"
    assert set(known) - set(found) == set(), "these pass: take them out of known_failures.yaml"
