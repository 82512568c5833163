"""Lines that are no text, have no time or a mebibyte, and queries that ask for too much: each has its answer."""

import re
import secrets
from typing import Any

import pytest

from tests.api.loki.conftest import NOW, SECOND, Get
from tests.api.loki.pushed import push

TENANT = f"loki-bad-{secrets.token_hex(4)}"
HEADERS = {"X-Scope-OrgID": TENANT}
LONG = "a" * ((1 << 20) - 1) + "!"
BINARY = b'\x00\x01\xff\xfe {"a":\xc3} k=\xff \xed\xa0\x80'
YEAR = {"start": str(NOW - 366 * 86400 * SECOND), "end": str(NOW + SECOND)}
ALL = '{service_name=~".+"}'


@pytest.fixture(scope="module", autouse=True)
def lines(data: str) -> None:
    late: list[Any] = [(NOW - place * SECOND, f"line {place}") for place in (5, 1, 9, 3)]
    push(TENANT, ('{app="late"}', late), ('{app="binary"}', [(NOW, BINARY), (NOW - SECOND, b"")]))
    push(TENANT, ('{app="long"}', [(NOW, LONG)]), ('{app="timeless"}', [(0, "no time")]))


def texts(get: Get, query: str, **params: Any) -> list[str]:
    answer = get("query_range", headers=HEADERS, query=query, **params)
    assert answer.status_code == 200, answer.text
    return [line for stream in answer.json()["data"]["result"] for _, line in stream["values"]]


def test_lines_that_came_out_of_order_are_in_order(get: Get) -> None:
    assert texts(get, '{app="late"}', direction="forward") == ["line 9", "line 5", "line 3", "line 1"]
    assert texts(get, '{app="late"}', limit="2") == ["line 1", "line 3"]


def test_line_without_a_time_is_placed_at_its_arrival(get: Get) -> None:
    assert texts(get, '{app="timeless"}', start="0", end="9000000000") == ["no time"]
    assert texts(get, '{app="timeless"}', start="0", end="1") == []


STAGES = (
    "| json",
    "| logfmt",
    "| logfmt --strict --keep-empty",
    '| regexp "(?P<x>a+)"',
    '| pattern "<x> <y>"',
    "| unpack",
    "| decolorize",
    '| line_format "{{ .x | upper }}{{ __line__ | trunc 5 | b64enc }}"',
    '| label_format y="{{ regexReplaceAll `a+` __line__ `b` }}"',
)


@pytest.mark.parametrize("stage", ["", *STAGES])
def test_binary_and_long_lines_pass_every_stage(get: Get, stage: str) -> None:
    query = f'{{app=~"binary|long"}} {stage}'
    answer = get("query_range", headers=HEADERS, query=query)
    assert answer.status_code == 200, answer.text
    found = [value for stream in answer.json()["data"]["result"] for value in stream["values"]]
    assert len(found) == 3
    if not stage:
        assert sorted(line for _, line in found) == sorted([BINARY.decode("utf-8", "replace"), "", LONG])
    count = f"sum by (app) (count_over_time({query} | drop __error__ [5m]))"
    counted = get("query", headers=HEADERS, query=count, time=str(NOW + SECOND))
    assert sum(int(row["value"][1]) for row in counted.json()["data"]["result"]) == 3


# What takes a matcher that goes back the longer than the world stands: 2 to the power of a million steps.
CATASTROPHIC = ("(a+)+$", "(a|a)*b", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*)*(.*)*(.*)*x")


@pytest.mark.parametrize("pattern", CATASTROPHIC)
def test_patterns_take_time_by_the_length_of_the_line_alone(get: Get, pattern: str) -> None:
    assert re.compile(pattern)
    assert texts(get, f'{{app="long"}} |~ "{pattern}"') == []
    assert texts(get, f'{{app=~"({pattern})|long"}} !~ `{pattern}` | regexp `(?P<x>{pattern})` | x=""') == [LONG]
    stage = f'| label_format z="{{{{ regexReplaceAll `{pattern}` __line__ `` }}}}" | z=~`{pattern}` or z!~`{pattern}`'
    assert len(texts(get, f'{{app="long"}} {stage}')) == 1


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"(a)\\1", "invalid escape sequence"),
        ("(?=a)b", "invalid perl operator"),
        ("a{1001}", "invalid repetition size"),
        ("((a{100}){100}){100}", "invalid repetition size"),
    ],
    ids=["back reference", "look ahead", "repetition", "repetitions"],
)
def test_patterns_that_cannot_be_linear_or_small_are_refused_with_their_place(
    get: Get, pattern: str, words: str
) -> None:
    answer = get("query_range", headers=HEADERS, query=f'{{app="long"}} |~ "{pattern}"')
    assert answer.status_code == 400
    assert answer.text.startswith("parse error at line 1, col 17: ")
    assert words in answer.text


def test_year_of_everything_is_answered_within_its_limit(get: Get) -> None:
    assert len(texts(get, ALL, limit="5", **YEAR)) == 5
    total = get("query", headers=HEADERS, query=f"sum(count_over_time({ALL}[366d]))", time=str(NOW + SECOND))
    assert total.json()["data"]["result"][0]["value"][1] == "7"


@pytest.mark.parametrize(
    ("query", "params", "words"),
    [
        ("{}", YEAR, "at least one regexp or equality matcher"),
        ('{app=~".*"}', YEAR, "at least one regexp or equality matcher"),
        (ALL, {**YEAR, "limit": "5001"}, "max entries limit"),
        (f"count_over_time({ALL}[1m])", {**YEAR, "step": "60"}, "Try increasing the value of the step parameter"),
        (f"avg_over_time({ALL} | unwrap x [1y])", {"step": "1"}, "choose a longer step"),
        (f"count_over_time({ALL}[8760h1ms])", {"step": "1"}, "choose a step that divides the range"),
    ],
    ids=["no matcher", "matches nothing too", "lines", "steps", "windows of a line", "buckets"],
)
def test_what_asks_for_too_much_is_refused_with_advice(
    get: Get, query: str, params: dict[str, str], words: str
) -> None:
    answer = get("query_range", headers=HEADERS, query=query, **params)
    assert answer.status_code == 400
    assert words in answer.text
