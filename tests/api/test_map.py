"""What nobody should ask the map for: an answer that says what is wrong, or an empty one."""

import pytest

from tests.api.test_api import call, data, policies  # noqa: F401  (fixtures)
from traceo.api.app import PREFIX


@pytest.mark.parametrize("route", ["/map", "/map/edge?source=service:a&target=service:b", "/map/diff", "/deploys"])
@pytest.mark.parametrize(
    ("times", "said"),
    [
        ({"start": "yesterday"}, "'yesterday' is not a time"),
        ({"start": "2026-02-30T00:00:00Z"}, "'2026-02-30T00:00:00Z' is not a time"),
        ({"start": "now", "end": "-1h"}, "start must lie before end"),
        ({"start": "9" * 10_000}, "is not a time"),
        ({"start": "-999999999w"}, "out of range"),
    ],
    ids=["word", "no such day", "reversed", "long", "before time"],
)
def test_wrong_times_on_the_map_are_told(route: str, times: dict[str, str], said: str) -> None:
    before = {"before_start": "-2h", "before_end": "-1h"} if route == "/map/diff" else {}
    given = dict(pair.split("=") for pair in route.partition("?")[2].split("&") if pair)
    response = call("GET", f"{PREFIX}{route.partition('?')[0]}", params={**given, **before, **times})
    assert response.status_code == 400
    assert said in response.json()["error"]["message"]
    assert len(response.text) < 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/map?focus={'y' * 10_000}", 404),
        (f"/map/edge?source={'y' * 10_000}&target=user:user", 400),
        (f"/map/edge?source=service:{'y' * 10_000}&target=service:shop", 200),
        (f"/services/{'y' * 10_000}/compare?start=-1h&before_start=-2h&before_end=-1h", 200),
        ("/map?hops=11", 400),
        ("/map?up=-1", 400),
        ("/map?group_by=mood", 400),
        ("/map?edge_health=fine", 400),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_too_long_or_unknown_on_the_map_is_answered(path: str, status: int) -> None:
    response = call("GET", f"{PREFIX}{path}")
    assert response.status_code == status, response.text[:300]
    assert status == 200 or len(response.json()["error"]["message"]) < 400
