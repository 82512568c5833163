"""Random queries over random traces, broken ones among them: on the engine, and by brute force."""

import random
from functools import cache

import pytest

from tests.query.engine import insert
from tests.query.telemetry import span, traces
from tests.query.traceql.brute_force import Group, Span, evaluate, link
from tests.query.traceql.scripts import BASE_NS, find
from traceo.query.traceql.parser import STRUCTURAL, parse_traceql
from traceo.store.base import Signal

TENANT = "traceql-random"
TRACES, ROUNDS, QUERIES = 60, 5, 8
SERVICES, NAMES = ("shop", "cart"), ("a", "b", "c")


@cache
def load() -> dict[int, list[Span]]:
    """Traces with missing parents, several roots, circles, spans that are their own parent, equal ids; by their id."""
    rnd = random.Random(7)
    made = {trace: [_span(rnd, place) for place in range(rnd.randint(1, 9))] for trace in range(1, TRACES + 1)}
    for service in SERVICES:
        spans = [
            span(
                trace, one.number, BASE_NS + one.start, parent=one.parent, name=one.name, duration_ns=one.duration,
                status={"code": one.status}, attributes=one.attributes,
            )
            for trace, of_trace in made.items() for one in of_trace if one.service == service
        ]  # fmt: skip
        insert(TENANT, Signal.TRACES, traces(service, spans))
    for of_trace in made.values():
        link(of_trace)
    return made


def _span(rnd: random.Random, place: int) -> Span:
    number = rnd.choice([place + 1] * 9 + [rnd.randint(1, 9)])
    parent = rnd.choice([0, rnd.randint(1, 9), *([rnd.randint(1, place)] * 5 if place else [0] * 5)])
    values = {"n": rnd.choice([1, 2, 3, 2.5, "2"]), "flag": rnd.random() < 0.5, "text": rnd.choice(NAMES)}
    kept = {name: value for name, value in values.items() if rnd.random() < 0.6}
    return Span(
        number, parent, 10**6 * place, rnd.choice([1, 2, 3]) * 10**6, rnd.choice(SERVICES), rnd.choice(NAMES),
        rnd.choice([0, 0, 2]), kept,
    )  # fmt: skip


class Writer:
    """Writes random sentences of the grammar."""

    def __init__(self, seed: int) -> None:
        self.rnd = random.Random(seed)

    def query(self) -> str:
        stages = [self.spans(2), *(self.stage() for _ in range(self.rnd.choice([0, 0, 1, 1, 2])))]
        return " | ".join(stages)

    def stage(self) -> str:
        return self.rnd.choice([self.filter, self.by, self.aggregate, lambda: "coalesce()", self.select])()

    def spans(self, depth: int) -> str:
        if depth == 0 or self.rnd.random() < 0.3:
            return self.filter()
        op = self.rnd.choice([*STRUCTURAL, "&&", "||"])
        sides = [self.spans(depth - 1) for _ in range(2)]
        if self.rnd.random() < 0.2:
            sides[0] += f" | {self.aggregate()}"
        return f"({sides[0]}) {op} ({sides[1]})"

    def filter(self) -> str:
        return f"{{ {self.condition(2)} }}" if self.rnd.random() < 0.9 else "{ }"

    def condition(self, depth: int) -> str:
        if depth and self.rnd.random() < 0.4:
            sides = f"({self.condition(depth - 1)}) {self.rnd.choice(['&&', '||'])} ({self.condition(depth - 1)})"
            return f"!({sides})" if self.rnd.random() < 0.2 else sides
        return self.rnd.choice([self.comparison, self.comparison, self.texts, self.existence])()

    def comparison(self) -> str:
        return f"{self.number()} {self.rnd.choice(['=', '!=', '<', '<=', '>', '>='])} {self.number()}"

    def number(self) -> str:
        field = self.rnd.choice(
            ["span.n", ".n", "parent.n", "duration", "childCount", "nestedSetLeft", "nestedSetRight", "nestedSetParent"]
        )
        constant = self.rnd.choice(["-1", "0", "1", "2", "2.5", "3", "2ms"])
        either = self.rnd.choice([field, field, constant])
        return f"({field} {self.rnd.choice('+-*')} {constant})" if self.rnd.random() < 0.2 else either

    def texts(self) -> str:
        sides = self.rnd.choice(
            [
                ("name", '"a"'), (".text", '"b"'), ("span.text", "name"), ("parent.span.text", '"c"'),
                ("resource.service.name", '"shop"'), ("parent.resource.service.name", "resource.service.name"),
                ("status", "error"), (".flag", "true"), ("span.flag", "false"), (".n", '"2"'), (".text", "parent.text"),
            ]
        )  # fmt: skip
        return f"{sides[0]} {self.rnd.choice(['=', '!='])} {sides[1]}"

    def existence(self) -> str:
        field = self.rnd.choice([".n", "span.text", "parent.n", ".missing", "parent.resource.service.name"])
        return f"{field} {self.rnd.choice(['=', '!='])} nil"

    def by(self) -> str:
        return f"by({self.rnd.choice(['name', 'resource.service.name', 'childCount', 'status', '.text'])})"

    def aggregate(self) -> str:
        made = self.rnd.choice(["count()", "min(duration)", "max(.n)", "sum(childCount)", "avg(span.n)", "count() - 1"])
        return f"{made} {self.rnd.choice(['=', '!=', '<', '>='])} {self.rnd.choice(['1', '2', '2ms', '2.5'])}"

    def select(self) -> str:
        return "select(name, nestedSetLeft)"


def _numbers(groups: list[Group]) -> list[list[tuple[int, int]]]:
    return sorted(sorted((one.number, one.start) for one in group) for group in groups)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_random_queries_mean_what_brute_force_finds(seed: int) -> None:
    stored, writer = load(), Writer(seed)
    for _ in range(QUERIES):
        text = writer.query()
        pipeline = parse_traceql(text).pipeline
        wanted = {trace: made for trace, spans in stored.items() if (made := _numbers(evaluate(pipeline, spans)))}
        found = {
            int(trace.trace_id, 16): sorted(
                sorted((int(one.span_id, 16), one.start_ns - BASE_NS) for one in group.spans) for group in trace.sets
            )
            for trace in find(TENANT, text)
        }
        assert found == wanted, text
