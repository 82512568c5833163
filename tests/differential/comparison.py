"""Two answers of the Prometheus API, compared: labels exactly, numbers within 1e-9."""

import math
from typing import Any

RELATIVE, ABSOLUTE = 1e-9, 1e-9  # the second for what is left of terms that cancel each other out
# Version 3 tells of several series on one side even where a comparison leaves only one of them; 2 did not.
NOT_ONE_TO_ONE = "multiple matches for labels:"
Points = dict[float, float]


def difference(theirs: Any, ours: Any, *, ties: bool = False, ordered: bool = False) -> str:
    """What differs in two answers (JSON); empty: nothing. `ties`: only the values at each time are compared."""
    if NOT_ONE_TO_ONE in ours.get("error", ""):
        return ""
    if theirs["status"] != ours["status"]:
        return f"theirs: {theirs.get('error', 'an answer')}; ours: {ours.get('error', 'an answer')}"
    if theirs["status"] == "error":
        return ""
    if theirs["data"]["resultType"] != ours["data"]["resultType"]:
        return f"a {theirs['data']['resultType']} is a {ours['data']['resultType']}"
    if theirs["data"]["resultType"] in ("scalar", "string"):
        return _points_differ(_points([theirs["data"]["result"]]), _points([ours["data"]["result"]]))
    if ties:
        return _values_differ(theirs, ours)
    problem = _series_differ(_series(theirs), _series(ours))
    return problem or (_order_differs(theirs, ours) if ordered else "")


def _series(answer: Any) -> dict[Any, Points]:
    found = answer["data"]["result"]
    made = {tuple(sorted(one["metric"].items())): _points(one.get("values") or [one["value"]]) for one in found}
    assert len(made) == len(found), "two series have the same labels"
    return made


def _points(pairs: list[Any]) -> Points:
    return {time: float(value) for time, value in pairs}


def _series_differ(theirs: dict[Any, Points], ours: dict[Any, Points]) -> str:
    if theirs.keys() != ours.keys():
        missing, surplus = sorted(theirs.keys() - ours.keys()), sorted(ours.keys() - theirs.keys())
        return f"missing {missing[:2]}, surplus {surplus[:2]}"
    for labels, points in theirs.items():
        if problem := _points_differ(points, ours[labels]):
            return f"{dict(labels)}: {problem}"
    return ""


def _points_differ(theirs: Points, ours: Points) -> str:
    if theirs.keys() != ours.keys():
        missing, surplus = sorted(theirs.keys() - ours.keys()), sorted(ours.keys() - theirs.keys())
        return f"only theirs {missing[:3]}, only ours {surplus[:3]}"
    wrong = [time for time in theirs if not same(theirs[time], ours[time])]
    return f"at {wrong[0]}: theirs {theirs[wrong[0]]!r}, ours {ours[wrong[0]]!r}" if wrong else ""


def same(one: float, other: float) -> bool:
    """Equal, both NaN, or nearly so."""
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _values_differ(theirs: Any, ours: Any) -> str:
    pairs = [_by_time(answer) for answer in (theirs, ours)]
    if pairs[0].keys() != pairs[1].keys():
        return f"times {sorted(pairs[0].keys() ^ pairs[1].keys())[:3]}"
    for time, values in pairs[0].items():
        if len(values) != len(pairs[1][time]) or not all(map(same, values, pairs[1][time])):
            return f"at {time}: theirs {values[:5]}, ours {pairs[1][time][:5]}"
    return ""


def _by_time(answer: Any) -> dict[float, list[float]]:
    found: dict[float, list[float]] = {}
    for points in _series(answer).values():
        for time, value in points.items():
            found.setdefault(time, []).append(value)
    return {time: sorted(values, key=lambda value: (math.isnan(value), value)) for time, values in found.items()}


def _order_differs(theirs: Any, ours: Any) -> str:
    orders = [[float(one["value"][1]) for one in answer["data"]["result"]] for answer in (theirs, ours)]
    return "" if all(map(same, *orders)) else f"order: theirs {orders[0][:5]}, ours {orders[1][:5]}"
