"""LogQL scripts: `load` streams, `eval` queries, run end to end on the engine. tests/scripts/logql has them.

    load {app="web"}
      10s first line
      20s [user=bob] a line with structured metadata
    eval lines {app="web"} |= "first"
      10s {app="web"} first line
    eval instant at 1m count_over_time({app="web"}[1m])
      {app="web"} 2
    eval range from 0s to 1m step 30s rate({app="web"}[30s])
      {app="web"} _ 0.06666666666666667 _
    eval fail {app="web"} | nonsense
      a part of the message

Times count from a moment of the tests. Labels of a line's answer are all of them but `detected_level` and
`service_name`.
"""

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tests.moment import NOW_S
from tests.query.engine import engine, insert
from tests.receivers.loki_messages import push_request
from traceo.config import Query as QuerySettings
from traceo.errors import TraceoError
from traceo.query.logql.evaluate import LogAnswer, query_logs
from traceo.query.logql.lexer import parse_duration
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.receivers.loki_body import read_protobuf
from traceo.store.base import Signal

BASE_NS = (NOW_S - NOW_S % 3600 - 7200) * 10**9
HIDDEN = ("service_name", "detected_level")
LINE = re.compile(r"(\S+) (?:\[([^\]]*)\] ?)?(.*)")


@dataclass
class Step:
    """One command, its place in the file and the lines below it."""

    place: int
    command: str
    lines: list[str] = field(default_factory=list)


def read_script(path: Path) -> list[Step]:
    steps: list[Step] = []
    for place, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("  "):
            steps[-1].lines.append(line[2:])
        else:
            steps.append(Step(place, line.strip()))
    return steps


def run_script(path: Path, tenant: str) -> None:
    for step in read_script(path):
        kind, _, rest = step.command.partition(" ")
        try:
            if kind == "load":
                _load(tenant, rest, step.lines)
            else:
                _evaluate(tenant, rest, step.lines)
        except (AssertionError, TraceoError) as error:
            pytest.fail(f"{path.name}:{step.place}: {step.command}\n{error}", pytrace=False)


def _nanoseconds(text: str) -> int:
    return BASE_NS + round(parse_duration(text) * 1e9)


def _load(tenant: str, labels: str, lines: list[str]) -> None:
    entries = []
    for line in lines:
        found = LINE.fullmatch(line)
        assert found, line
        metadata = dict(pair.split("=", 1) for pair in (found[2] or "").split(",") if pair)
        entries.append(
            (_nanoseconds(found[1]), found[3].encode().decode("unicode_escape").encode("latin-1").decode(), metadata)
        )
    push = read_protobuf(push_request((labels, entries)).SerializeToString())
    insert(tenant, Signal.LOKI, push.body)


def ask(tenant: str, text: str, start_ns: int, end_ns: int, **options: object) -> LogAnswer:
    async def run() -> LogAnswer:
        queries = Queries(engine(), QuerySettings())
        return await query_logs(queries, tenant, text, TimeRange(start_ns, end_ns), **options)  # type: ignore[arg-type]

    return asyncio.run(run())


def _evaluate(tenant: str, rest: str, expected: list[str]) -> None:
    kind, _, query = rest.partition(" ")
    day = 86400 * 10**9
    if kind == "fail":
        try:
            found: object = ask(tenant, query, BASE_NS, BASE_NS + 120 * 10**9, step_ns=10**10)
        except TraceoError as error:
            assert expected and expected[0].strip() in str(error), f"it says: {error}"
            return
        raise AssertionError(f"it was answered: {found}")
    if kind == "lines":
        answer = ask(tenant, query, BASE_NS - day, BASE_NS + day, forward=True, limit=1000)
        _compare([_show_line(line) for line in answer.lines], expected)
        return
    if kind == "instant":
        _, at, query = query.split(" ", 2)
        answer = ask(tenant, query, BASE_NS, _nanoseconds(at), instant=True)
    else:
        _, first, _, last, _, step, query = query.split(" ", 6)
        seconds = round(parse_duration(step) * 1e9)
        answer = ask(tenant, query, _nanoseconds(first), _nanoseconds(last), step_ns=seconds)
        times = np.arange(_nanoseconds(first), _nanoseconds(last) + 1, seconds) // 10**6
        found = []
        for series in answer.series:
            by_time = dict(zip(series.times_ms.tolist(), series.values.tolist(), strict=True))
            cells = [_show(by_time[at]) if at in by_time else "_" for at in times.tolist()]
            found.append(f"{_show_labels(series.labels)} {' '.join(cells)}")
        _compare(found, expected)
        return
    _compare([f"{_show_labels(each.labels)} {_show(each.values[0])}" for each in answer.series], expected)


def _compare(found: list[str], expected: list[str]) -> None:
    if found != expected:
        raise AssertionError("found:\n" + "\n".join(f"  {line}" for line in found))


def _show(value: float) -> str:
    return f"{value:.10g}"


def _show_labels(labels: dict[str, str]) -> str:
    shown = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name not in HIDDEN)
    return f"{{{shown}}}"


def _show_line(line: object) -> str:
    at = (line.time_ns - BASE_NS) / 1e9  # type: ignore[attr-defined]
    labels = {**line.labels, **line.metadata, **line.parsed}  # type: ignore[attr-defined]
    labels = {name: value for name, value in labels.items() if name not in line.gone}  # type: ignore[attr-defined]
    return f"{at:g}s {_show_labels(labels)} {line.text}"  # type: ignore[attr-defined]
