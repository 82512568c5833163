"""TraceQL scripts: `load` traces, `eval` queries, run end to end on the engine. tests/scripts/traceql has them.

    load 1
      1 - 0s 1s shop "GET /" kind=server n=3 resource.env="prod"
      2 1 10ms 200ms cart add status=error tags=["a","b"]
    eval traces { name = "add" }
      1: 2
    eval traces { name = "add" } | select(span.tags)
      1: 2 {tags=["a", "b"]}
    eval range from 0s to 2s step 1s { } | rate()
      {__name__="rate"} 2 0
    eval fail { } | nonsense()
      a part of the message

A line of `load` is a span of trace 1: its id, its parent's, its start, its duration, service, name; then kind, status,
attributes and the resource's. Times count from a moment of the tests. Groups of a trace stand apart by |. A value that
is none is _.
"""

import asyncio
import json
import math
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.moment import NOW_S
from tests.query.engine import engine, insert
from tests.query.logql.scripts import read_script
from tests.query.telemetry import span, traces
from traceo.config import Query as QuerySettings
from traceo.errors import TraceoError
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.query.traceql.field_parser import KINDS, STATUSES
from traceo.query.traceql.lexer import read_duration
from traceo.query.traceql.metrics import MetricAnswer, query_metrics
from traceo.query.traceql.search import FoundTrace, search_traces
from traceo.store.base import Signal

BASE_NS = (NOW_S - NOW_S % 3600 - 7200) * 10**9
HOUR_NS = 3600 * 10**9


def run_script(path: Path, tenant: str) -> None:
    """Raises a failure of pytest with the place of the step."""
    for step in read_script(path):
        kind, _, rest = step.command.partition(" ")
        try:
            if kind == "load":
                insert(tenant, Signal.TRACES, *read_trace(int(rest), step.lines))
            else:
                _evaluate(tenant, rest, step.lines)
        except (AssertionError, TraceoError) as error:
            pytest.fail(f"{path.name}:{step.place}: {step.command}\n{error}", pytrace=False)


def read_trace(trace: int, lines: list[str]) -> list[bytes]:
    """Requests, one for each resource."""
    groups: dict[tuple[str, str], tuple[dict[str, Any], list[dict[str, Any]]]] = {}
    for line in lines:
        number, parent, start, duration, service, name, *rest = _words(line)
        fields: dict[str, Any] = {"kind": 1, "attributes": {}}
        resource: dict[str, Any] = {}
        for word in rest:
            key, _, text = word.partition("=")
            if key in ("kind", "status"):
                fields[key] = KINDS[text] if key == "kind" else {"code": STATUSES[text]}
            elif key.startswith("resource."):
                resource[key.removeprefix("resource.")] = _value(text)
            else:
                fields["attributes"][key] = _value(text)
        made = span(
            trace, int(number), BASE_NS + _nanoseconds(start), name=name, duration_ns=_nanoseconds(duration),
            parent=0 if parent == "-" else int(parent), **fields,
        )  # fmt: skip
        groups.setdefault((service, json.dumps(resource)), (resource, []))[1].append(made)
    return [traces(service, spans, resource) for (service, _), (resource, spans) in groups.items()]


def _words(line: str) -> list[str]:
    """Like a shell's; what stands in brackets is one word."""
    words = re.findall(r'(?:[^\s\["]|\[[^\]]*\]|"(?:[^"\\]|\\.)*")+', line)
    return [shlex.split(word)[0] if word.startswith('"') else word for word in words]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _nanoseconds(text: str) -> int:
    return -read_duration(text[1:]) if text.startswith("-") else read_duration(text)


def _evaluate(tenant: str, rest: str, expected: list[str]) -> None:
    kind, _, query = rest.partition(" ")
    if kind == "fail":
        try:
            found: object = ask(tenant, query, 0, 60 * 10**9, 10**10) if "over" in query else find(tenant, query)
        except TraceoError as error:
            assert expected and expected[0].strip() in str(error), f"it says: {error}"
            return
        raise AssertionError(f"it was answered: {found}")
    if kind == "traces":
        lines = [_show_trace(trace) for trace in sorted(find(tenant, query), key=lambda trace: trace.trace_id)]
    else:
        _, start, _, end, _, step, query = query.split(" ", 6)
        answer = ask(tenant, query, *(_nanoseconds(word) for word in (start, end, step)))
        lines = [" ".join([_show_labels(each.labels), *map(_show, each.values)]) for each in answer.series]
    if lines != expected:
        raise AssertionError("found:\n" + "\n".join(f"  {line}" for line in lines))


def find(tenant: str, query: str, limit: int = 1000) -> list[FoundTrace]:
    """Traces, with all spans that are meant."""
    between, store = TimeRange(BASE_NS - HOUR_NS, BASE_NS + HOUR_NS), engine()

    async def run() -> list[FoundTrace]:
        queries = Queries(store, QuerySettings())
        return (await search_traces(queries, tenant, query, between, limit=limit, spans_per_set=1000)).traces

    return asyncio.run(run())


def ask(tenant: str, query: str, start_ns: int, end_ns: int, step_ns: int, exemplars: int = 0) -> MetricAnswer:
    """Series; times count from the moment of the scripts."""
    store = engine()

    async def run() -> MetricAnswer:
        between = TimeRange(BASE_NS + start_ns, BASE_NS + end_ns)
        return await query_metrics(Queries(store, QuerySettings()), tenant, query, between, step_ns, exemplars)

    return asyncio.run(run())


def _show_trace(trace: FoundTrace) -> str:
    groups = []
    for group in trace.sets:
        spans = [
            f"{int(each.span_id, 16)}{f' {_show_labels(each.attributes)}' if each.attributes else ''}"
            for each in sorted(group.spans, key=lambda one: int(one.span_id, 16))
        ]
        groups.append(", ".join(spans))
    return f"{int(trace.trace_id, 16)}: {' | '.join(sorted(groups))}"


def _show(value: float) -> str:
    return "_" if math.isnan(value) else f"{value:.6g}"


def _show_labels(labels: dict[str, Any]) -> str:
    return f"{{{', '.join(f'{name}={json.dumps(value)}' for name, value in labels.items())}}}"
