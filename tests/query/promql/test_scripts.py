"""Prometheus' own scripts, end to end on the engine; what differs is listed with its reason."""

import asyncio
from pathlib import Path

import pytest
import yaml

from tests.query.engine import engine
from tests.query.promql.script_engine import load, run
from tests.query.promql.script_language import Eval, parse_script
from traceo.config import Query
from traceo.query.run import Queries

SCRIPTS = Path(__file__).parents[2] / "scripts" / "promql"
OWN = SCRIPTS.with_name("promql_more")  # parts of the language that those scripts do not reach
KNOWN = yaml.safe_load((SCRIPTS / "known_failures.yaml").read_text(encoding="utf-8")) or {}


@pytest.mark.parametrize(
    "path", [*sorted(SCRIPTS.glob("*.test")), *sorted(OWN.glob("*.test"))], ids=lambda path: path.stem
)
def test_script_passes(path: Path, tmp_path: Path) -> None:
    script = parse_script(path)
    known = KNOWN.get(path.stem, {})
    store = engine()

    async def problems() -> dict[int, str]:
        queries = Queries(store, Query())
        await load(store, script, tmp_path)
        places = asyncio.Semaphore(4)

        async def checked(case: Eval) -> str:
            async with places:
                return await run(queries, case)

        results = await asyncio.gather(*map(checked, script.evals))
        cases = zip(script.evals, results, strict=True)
        return {case.line: f"{case.query}: {problem}" for case, problem in cases if problem}

    found = asyncio.run(problems())
    new = {line: problem for line, problem in found.items() if line not in known}
    assert new == {}, "evaluations that are not in known_failures.yaml"
    assert set(known) - set(found) == set(), "these pass: take them out of known_failures.yaml"
