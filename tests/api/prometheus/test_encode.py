"""Numbers and results as Prometheus writes them."""

import json
from typing import Any

import numpy as np
import pytest

from traceo.api.compat.prometheus import encode
from traceo.api.compat.prometheus.encode import encode_result
from traceo.api.compat.prometheus.numbers import format_float, format_floats, format_time, format_times
from traceo.query.promql.histogram import CUSTOM, Histogram, Side
from traceo.query.promql.values import Answer, Series

NUMBERS = {
    1.0: "1",
    -0.0: "-0",
    0.1: "0.1",
    1.5e-5: "0.000015",
    1e-6: "0.000001",
    9.5e-7: "9.5e-07",
    5e-324: "5e-324",
    1e10: "10000000000",
    12345678912.125: "12345678912.125",
    123456789012345680.0: "123456789012345680",
    1e20: "100000000000000000000",
    1e21: "1e+21",
    -1.7976931348623157e308: "-1.7976931348623157e+308",
    float("inf"): "+Inf",
    float("-inf"): "-Inf",
}


@pytest.mark.parametrize(("value", "text"), [*NUMBERS.items(), (float("nan"), "NaN")], ids=str)
def test_number_is_written_as_go_does(value: float, text: str) -> None:
    assert format_float(value) == text
    assert format_floats(np.array([value, 0.5])).to_pylist() == [text, "0.5"]
    assert format_floats(np.array([value])).to_pylist() == [text]


def test_many_numbers_are_written_like_one() -> None:
    random = np.random.default_rng(7)
    values = random.standard_normal(5000) * 10.0 ** random.integers(-9, 24, 5000)
    values[::3] = np.trunc(values[::3])
    assert format_floats(values).to_pylist() == [format_float(value) for value in values.tolist()]
    assert [float(text) for text in format_floats(values).to_pylist()] == values.tolist()


def test_times_have_milliseconds_where_there_are_some() -> None:
    times = {0: "0", 1500: "1.500", 1_435_781_451_781: "1435781451.781", -1: "-0.001", 2000: "2"}
    assert [format_time(time) for time in times] == list(times.values())
    assert format_times(np.array([*times, *times])).to_pylist() == [*times.values(), *times.values()]


def encoded(answer: Answer) -> Any:
    return json.loads(b"".join(encode_result(answer, answer.series, 1000)))


def test_series_are_written_in_pieces_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    times = np.arange(0, 5000, 1000)
    series = [Series({"n": str(number)}, times, np.full(5, number / 2)) for number in range(7)]
    whole = encoded(Answer("matrix", series))
    monkeypatch.setattr(encode, "PIECE_POINTS", 11)
    assert encoded(Answer("matrix", series)) == whole
    assert whole[3] == {"metric": {"n": "3"}, "values": [[time, "1.5"] for time in range(5)]}
    assert encoded(Answer("matrix", [])) == encoded(Answer("vector", [])) == []


def test_floats_and_histograms_of_a_series_stand_apart() -> None:
    negative, positive = Side(np.array([1]), np.array([2.0])), Side(np.array([0, 1, 2]), np.array([1.0, 0.0, 4.0]))
    histogram = Histogram(0, 0.25, 3.0, 10.0, 4.5, positive, negative)
    series = Series({"a": "b"}, np.array([1000, 2000]), np.array([7.0, np.nan]), [None, histogram])
    shown = {
        "count": "10",
        "sum": "4.5",
        "buckets": [[1, "-2", "-1", "2"], [3, "-0.25", "0.25", "3"], [0, "0.5", "1", "1"], [0, "2", "4", "4"]],
    }
    assert encoded(Answer("matrix", [series])) == [
        {"metric": {"a": "b"}, "values": [[1, "7"]], "histograms": [[2, shown]]}
    ]
    only = Series({}, np.array([2000]), np.array([np.nan]), [histogram])
    assert encoded(Answer("matrix", [only])) == [{"metric": {}, "histograms": [[2, shown]]}]
    last = Series({}, np.array([2000]), np.array([np.nan]), [histogram])
    assert encoded(Answer("vector", [last])) == [{"metric": {}, "histogram": [2, shown]}]


def test_custom_buckets_begin_at_minus_infinity() -> None:
    histogram = Histogram(CUSTOM, 0, 0, 3.0, 1.0, Side(np.array([0, 1]), np.array([1.0, 2.0])), custom_bounds=(5.0,))
    answer = Answer("vector", [Series({}, np.array([0]), np.array([np.nan]), [histogram])])
    assert encoded(answer)[0]["histogram"][1]["buckets"] == [[3, "-Inf", "5", "1"], [0, "5", "+Inf", "2"]]
    empty = Answer("vector", [Series({}, np.array([0]), np.array([np.nan]), [Histogram()])])
    assert encoded(empty)[0]["histogram"][1] == {"count": "0", "sum": "0"}
