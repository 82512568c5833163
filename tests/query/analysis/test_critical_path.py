"""Critical paths: against their definition on random traces, and the shapes that one meets."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.query.analysis.brute_force import CLIENT, CONSUMER, PRODUCER, SERVER, Span, find_path, to_columns
from traceo.errors import InvalidRequest, NotFound
from traceo.query.analysis.forest import choose_roots, link
from traceo.query.analysis.path import find_segments, plant
from traceo.query.analysis.trace import explain_trace

MS = 1_000_000


def make(number: int, parent: int, start: float, end: float, **fields: Any) -> Span:
    """Times in milliseconds."""
    plain = {"service": "a", "name": f"n{number}", "kind": 1, "failed": False, **fields}
    return {"id": number, "parent": parent, "start": int(start * MS), "duration": int((end - start) * MS), **plain}


def explain(*spans: Span, root: str = "") -> Any:
    return explain_trace(to_columns([list(spans)]), root)


def shown(answer: Any) -> list[tuple[int, float, str]]:
    return [(int(part["span_id"], 16), part["duration_ns"] / MS, part["kind"]) for part in answer["segments"]]


spans_strategy = st.lists(
    st.tuples(
        st.integers(0, 30),  # parent: one of those before
        st.sampled_from("ab"),
        st.integers(1, 5),
        st.booleans(),
        st.integers(-5, 40),
        st.integers(-2, 40),
        st.sampled_from([1, MS // 4, MS]),
    ),
    max_size=14,
)


def build(drawn: list[tuple[Any, ...]]) -> list[Span]:
    spans = [make(1, 0, 0, 50)]
    for number, (parent, service, kind, failed, start, duration, unit) in enumerate(drawn, 2):
        spans.append(
            {
                **{"id": number, "parent": 1 + parent % (number - 1), "service": service, "name": f"n{number % 3}"},
                **{"kind": kind, "failed": failed, "start": start * unit, "duration": duration * unit},
            }
        )
    return spans


@settings(max_examples=120, deadline=None)
@given(st.lists(spans_strategy.map(build), min_size=1, max_size=3))
def test_path_is_that_of_the_definition_and_adds_up(traces: list[list[Span]]) -> None:
    columns = to_columns(traces)
    links = link(columns)
    tops = np.flatnonzero(columns.id == 1)
    found = find_segments(columns, plant(columns, links.parent, tops))
    for number, spans in enumerate(traces):
        mine = columns.trace[found.span] == number
        parts = zip(*(column[mine].tolist() for column in (found.span, found.start, found.end)), strict=True)
        merged: list[tuple[int, int, int]] = []
        for row, start, end in parts:  # a straggler's segment is two
            key = int(columns.id[row])
            if merged and merged[-1][0] == key and merged[-1][2] == start:
                merged[-1] = (key, merged[-1][1], end)
            else:
                merged.append((key, start, end))
        assert merged == find_path(spans, 1)
        assert sum(end - start for _, start, end in merged) == spans[0]["duration"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 8), st.integers(0, 9), st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9)),
        min_size=1,
        max_size=12,
    )
)
def test_any_trace_has_a_path_as_long_as_its_root(drawn: list[tuple[int, ...]]) -> None:
    """Circles, equal ids, missing parents, several roots, negative durations."""
    kinds = [number % 6 for number in range(len(drawn))]
    spans = [
        {**make(key, parent, 0, 0, kind=kind), "start": start, "duration": duration}
        for kind, (key, parent, start, duration) in zip(kinds, drawn, strict=True)
    ]
    answer = explain(*spans)
    assert sum(part["duration_ns"] for part in answer["segments"]) == answer["duration_ns"]
    assert sum(answer["kinds"].values()) == answer["duration_ns"]
    offsets = [part["offset_ns"] for part in answer["segments"]]
    assert offsets == sorted(offsets)


SHAPES: dict[str, tuple[list[Span], list[tuple[int, float, str]]]] = {
    "last child of those that overlap": (
        [make(1, 0, 0, 10), make(2, 1, 1, 5), make(3, 1, 3, 8)],
        [(1, 3, "own work"), (3, 5, "own work"), (1, 2, "own work")],
    ),
    "network between client and server": (
        [make(1, 0, 0, 10, kind=CLIENT), make(2, 1, 2, 9, service="b", kind=SERVER)],
        [(1, 2, "network"), (2, 7, "own work"), (1, 1, "network")],
    ),
    "a call that nobody sees from inside": (
        [make(1, 0, 0, 10), make(2, 1, 2, 9, kind=CLIENT)],
        [(1, 2, "own work"), (2, 7, "blocked"), (1, 1, "own work")],
    ),
    "clock of the server a minute ahead": (
        [make(1, 0, 0, 10, kind=CLIENT), make(2, 1, 60_000, 60_006, service="b", kind=SERVER)],
        [(1, 2, "network"), (2, 6, "own work"), (1, 2, "network")],
    ),
    "a caller that gave up": (
        [make(1, 0, 0, 10, kind=CLIENT), make(2, 1, 1, 30, service="b", kind=SERVER)],
        [(1, 1, "network"), (2, 9, "own work")],
    ),
    "what outlives its parent was not waited for": (
        [make(1, 0, 0, 10), make(2, 1, 1, 30)],
        [(1, 10, "own work")],
    ),
    "a message waits in its queue": (
        [
            make(1, 0, 0, 20),
            make(2, 1, 1, 2, kind=PRODUCER),
            make(3, 2, 9, 15, service="b", kind=CONSUMER),
        ],
        [(1, 1, "own work"), (2, 1, "own work"), (1, 7, "messaging queue"), (3, 6, "own work"), (1, 5, "own work")],
    ),
    "a failed call is tried again": (
        [
            make(1, 0, 0, 20),
            make(2, 1, 1, 6, kind=CLIENT, name="get", failed=True),
            make(3, 1, 8, 15, kind=CLIENT, name="get"),
        ],
        [(1, 1, "own work"), (2, 5, "retry"), (1, 2, "retry"), (3, 7, "blocked"), (1, 5, "own work")],
    ),
    "the last of a fan-out": (
        [
            make(1, 0, 0, 20),
            make(2, 1, 1, 6, name="shard"),
            make(3, 1, 1, 7, name="shard"),
            make(4, 1, 1, 18, name="shard"),
        ],
        [(1, 1, "own work"), (4, 6, "own work"), (4, 11, "straggler"), (1, 2, "own work")],
    ),
    "client and server share an id": (
        [make(1, 0, 0, 10, kind=CLIENT), make(1, 0, 2, 9, service="b", kind=SERVER), make(2, 1, 3, 4, service="b")],
        [(1, 2, "network"), (1, 1, "own work"), (2, 1, "own work"), (1, 5, "own work"), (1, 1, "network")],
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shape(name: str) -> None:
    spans, expected = SHAPES[name]
    assert shown(explain(*spans)) == expected


MENDED = {
    "sent twice": ([make(1, 0, 0, 10), make(1, 0, 0, 10)], "1 span: were sent twice"),
    "ends before it begins": ([make(1, 0, 0, 10), make(2, 1, 5, 4)], "1 span: end before they begin"),
    "missing parent": ([make(1, 0, 0, 10), make(2, 7, 5, 6)], "1 span: name a parent that is not here"),
    "circle": ([make(1, 2, 0, 10), make(2, 1, 5, 6)], "1 span: are their own ancestors"),
    "own parent": ([make(1, 1, 0, 10)], "1 span: are their own ancestors"),
    "two roots": ([make(1, 0, 0, 10), make(2, 0, 1, 4)], "2 spans have no parent here"),
    "outlived": ([make(1, 0, 0, 10), make(2, 1, 1, 40)], "1 span: outlive their parents"),
    "clock": ([make(1, 0, 0, 10), make(2, 1, -5, 3, service="b")], "the largest correction of a clock is 6.000 ms"),
}


@pytest.mark.parametrize("name", MENDED)
def test_what_was_mended_is_said(name: str) -> None:
    spans, note = MENDED[name]
    answer = explain(*spans)
    assert any(line.startswith(note) for line in answer["mended"]), answer["mended"]
    assert answer["duration_ns"] == 10 * MS


def test_path_of_a_span_within_the_trace() -> None:
    answer = explain(make(1, 0, 0, 10), make(2, 1, 2, 8), make(3, 2, 3, 5), root="2")
    assert shown(answer) == [(2, 1, "own work"), (3, 2, "own work"), (2, 3, "own work")]
    assert answer["on_path"][0] == {
        **{"service": "a", "operation": "n2", "span_kind": "internal", "kind": "own work"},
        **{"duration_ns": 4 * MS, "share": pytest.approx(2 / 3)},
    }


@pytest.mark.parametrize(("root", "error"), [("77", NotFound), ("xyz", InvalidRequest), ("-2", NotFound)])
def test_root_that_is_none(root: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        explain(make(1, 0, 0, 10), root=root)


def test_chain_of_many_spans_is_quick_and_whole() -> None:
    """Deep and wide: neither recursion nor a step for each level."""
    deep = [make(number, number - 1, number / 100, 400 - number / 100) for number in range(1, 15_001)]
    wide = [make(1, 0, 0, 15_000), *(make(number, 1, number - 1, number) for number in range(2, 15_001))]
    for spans in (deep, wide):
        columns = to_columns([spans])
        links = link(columns)
        found = find_segments(columns, plant(columns, links.parent, choose_roots(columns, links)))
        assert (found.end - found.start).sum() == spans[0]["duration"]
        assert len(np.unique(found.span)) >= 14_999
