import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceo.api.times import parse_duration, parse_range, parse_time
from traceo.errors import InvalidRequest
from traceo.query.userquery import format_time

NOW = 1_700_000_000_000_000_000


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("now", NOW),
        ("-1h", NOW - 3600 * 10**9),
        ("+30s", NOW + 30 * 10**9),
        ("1700000000", NOW),
        ("1700000000.000000001", NOW + 1),
        ("1700000000000000000", NOW),
        ("2023-11-14T22:13:20Z", NOW),
        ("2023-11-14T22:13:20.123456789Z", NOW + 123456789),
        ("2023-11-14T23:13:20+01:00", NOW),
        ("2023-11-14T23:13:20 01:00", NOW),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
        ("0", 0),
    ],
)
def test_times(text: str, nanoseconds: int) -> None:
    assert parse_time(text, NOW) == nanoseconds


@pytest.mark.parametrize(
    "text", ["", "yesterday", "1h", "2023-11-14", "2023-13-14T00:00:00Z", "nan", "1e9", "-1 h", "٣"]
)
def test_no_times(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_time(text, NOW)


def test_durations() -> None:
    assert [parse_duration(text) for text in ("1ns", "1.5ms", "2h")] == [1, 1_500_000, 7200 * 10**9]
    with pytest.raises(InvalidRequest):
        parse_duration("5")


def test_range_must_not_be_empty() -> None:
    with pytest.raises(InvalidRequest):
        parse_range("now", "now")


@given(st.integers(0, 4_000_000_000 * 10**9))
def test_what_is_shown_can_be_read(nanoseconds: int) -> None:
    assert parse_time(format_time(nanoseconds)) == nanoseconds
