"""Thresholds and trace states of kept spans."""

import asyncio
from typing import Any

import pytest

from tests.query.engine import engine
from traceo.sampling.thresholds import (
    NEVER,
    adjusted_count,
    kept_trace_state,
    span_threshold,
    threshold_of_percentage,
)


def ask(expression: str, trace_state: str = "") -> Any:
    sql = f"SELECT {expression} AS answer FROM (SELECT materialize({{state:String}}) AS state)"
    return asyncio.run(engine().query(sql, {"state": trace_state})).to_pylist()[0]["answer"]


@pytest.mark.parametrize(
    ("percentage", "digits"),
    [(100, "0"), (50, "8"), (25, "c"), (10, "e6666666666666"), (1, "fd70a3d70a3d71"), (0, "100000000000000")],
)
def test_percentage_is_the_threshold_of_the_specification(percentage: float, digits: str) -> None:
    threshold = threshold_of_percentage(percentage)
    assert abs(threshold - int(digits.ljust(14, "0"), 16)) <= 1 or threshold == NEVER == int(digits, 16)


@pytest.mark.parametrize(
    ("state", "threshold", "expected"),
    [
        ("", 0, "ot=th:0"),
        ("", 1 << 55, "ot=th:8"),
        ("", 0x0123 << 40, "ot=th:0123"),
        ("a=b, c=d", 1 << 54, "ot=th:4,a=b, c=d"),
        ("a=b,ot=p:8;th:4;rv:00000000000001,c=d", 1 << 55, "ot=th:8;p:8;rv:00000000000001,a=b,c=d"),
    ],
)
def test_kept_span_states_its_threshold(state: str, threshold: int, expected: str) -> None:
    assert ask(kept_trace_state("state", f"toUInt64({threshold})"), state) == expected


def test_salted_randomness_is_written() -> None:
    found = ask(kept_trace_state("state", "toUInt64(0)", "toUInt64(255)"), "ot=rv:ffffffffffffff")
    assert found == "ot=th:0;rv:000000000000ff"


@pytest.mark.parametrize(("state", "expected"), [("", 5), ("ot=th:8", 1 << 55), ("ot=th:0", 5), ("ot=th:zz", 5)])
def test_span_sampled_harder_than_its_trace_keeps_its_threshold(state: str, expected: int) -> None:
    assert ask(span_threshold("state", "toUInt64(5)"), state) == expected


def test_adjusted_count_is_the_inverse_of_the_share() -> None:
    assert ask(adjusted_count(f"toUInt64({3 << 54})")) == 4
    assert ask(adjusted_count("toUInt64(0)")) == 1
