"""The report on series: what makes them, how they come and go, what nobody queries."""

from tests.api.prometheus.client import PREFIX, call
from tests.api.prometheus.stored import store_series
from traceo.api.app import ApiServices

TENANT = "cardinality"
HEADERS = {"X-Scope-OrgID": TENANT}


def test_report_tells_growth_churn_and_what_nobody_queries(services: ApiServices) -> None:
    for number in range(6):
        store_series(TENANT, "large", {"pod": str(number), "job": "a"}, [])
    for number in range(4):
        store_series(TENANT, "large", {"pod": str(number + 2), "job": "a"}, [], "yesterday()")
    store_series(TENANT, "small", {"job": "b"}, [])
    store_series(TENANT, "old", {"job": "b"}, [], "yesterday()")
    call(services, "GET", f"{PREFIX}/query", params={"query": "rate(large[5m]) / unknown"}, headers=HEADERS)
    answer = call(services, "GET", "/api/v1/cardinality", params={"limit": 5}, headers=HEADERS).json()
    series = answer["series"]
    assert [series[name] for name in ("today", "yesterday", "new", "gone", "metrics")] == [7, 5, 3, 1, 3]
    assert [row["series"] for row in answer["days"]] == [5, 7]
    large, small, old = answer["metrics"]
    assert (large["metric"], large["series"], large["new"], large["gone"], large["queries"]) == ("large", 6, 2, 0, 1)
    assert (small["queries"], small["last_queried_at"], old["gone"]) == (0, None, 1)
    labels = {row["label"]: row for row in answer["labels"]}
    assert (labels["pod"]["values"], labels["pod"]["series"]) == (6, 6)
    assert labels["job"]["top"] == [{"value": "a", "series": 6}, {"value": "b", "series": 1}]
    assert answer["unqueried"]["list"] == [{"metric": "small", "series": 1}]
    assert (answer["unqueried"]["metrics"], answer["unqueried"]["series"]) == (1, 1)


def test_report_of_nothing_is_empty(services: ApiServices) -> None:
    answer = call(services, "GET", "/api/v1/cardinality", headers={"X-Scope-OrgID": "empty"}).json()
    assert (answer["series"]["today"], answer["metrics"], answer["labels"], answer["days"]) == (0, [], [], [])
    assert answer["unqueried"] == {"since": None, "metrics": 0, "series": 0, "list": []}
