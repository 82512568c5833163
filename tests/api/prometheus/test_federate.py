"""Federation beyond plain text: native histograms, and names as the scraper takes them."""

import asyncio
import math
import time

import pytest

from tests.api.prometheus.client import call
from tests.query.engine import engine
from tests.receivers.prometheus_messages import write_request
from traceo.api.app import ApiServices
from traceo.api.compat.prometheus.exposition import negotiate
from traceo.scraping.protobuf import parse_protobuf
from traceo.store.base import Request, Signal

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
HEADERS = {"X-Scope-OrgID": "federated"}


@pytest.fixture(scope="module")
def now_ms() -> int:
    """When these tests run, which may be long after the run began: federation looks back five minutes."""
    return int(time.time()) * 1000


@pytest.fixture(scope="module", autouse=True)
def data(now_ms: int) -> None:
    request = write_request(
        ({"__name__": "http.requests_total", "service.name": "a", "1": "b"}, [(3.0, now_ms)]),
        ({"__name__": "latency"}, []),
        ({"__name__": "latency", "kind": "float"}, [(1.5, now_ms)]),
        ({"__name__": "latency", "kind": "gauge"}, []),
        ({"__name__": "nothing"}, []),
        ({"__name__": "rt.seconds", "kind": "custom"}, []),
    )
    custom = request.timeseries[5].histograms.add(count_int=6, sum=9.5, schema=-53, timestamp=now_ms)
    custom.custom_values.extend([0.5, 1, 2.5])
    custom.positive_spans.add(offset=0, length=1)
    custom.positive_spans.add(offset=1, length=2)
    custom.positive_deltas.extend([1, 1, 1])
    for series, hint, counts in ((1, 0, [2, -1, 1]), (3, 3, [5])):
        sent = request.timeseries[series].histograms.add(
            count_int=6, sum=1.5, schema=3, zero_threshold=0.001, zero_count_int=1, timestamp=now_ms, reset_hint=hint
        )
        sent.positive_spans.add(offset=-2, length=len(counts))
        sent.positive_deltas.extend(counts)
    request.timeseries[4].histograms.add(count_int=0, timestamp=now_ms)
    asyncio.run(engine().insert(Signal.REMOTE_WRITE, [Request("federated", request.SerializeToString())]))


@pytest.mark.parametrize(
    ("escaping", "series"),
    [
        ("", 'http_requests_total{_="b",instance="",service_name="a"}'),
        (";escaping=dots", 'http_dot_requests__total{__="b",instance="",service_dot_name="a"}'),
        (";escaping=values", 'U__http_2e_requests__total{U___31_="b",instance="",U__service_2e_name="a"}'),
        (";escaping=allow-utf-8", '{"http.requests_total","1"="b",instance="","service.name"="a"}'),
    ],
)
def test_names_are_escaped_as_the_scraper_asks(services: ApiServices, now_ms: int, escaping: str, series: str) -> None:
    headers = {**HEADERS, "Accept": f"text/plain;version=1.0.0{escaping}"}
    params = {"match[]": '{"http.requests_total"}'}
    answer = call(services, "GET", "/prometheus/federate", params=params, headers=headers)
    assert answer.text.splitlines()[1:] == [f"{series} 3 {now_ms}"]
    assert answer.headers["content-type"].endswith(escaping.replace(";", "; ") or "; escaping=underscores")


def test_native_histograms_are_served_as_protobuf_alone(services: ApiServices, now_ms: int) -> None:
    params = {"match[]": ["latency", "nothing"]}
    text = call(services, "GET", "/prometheus/federate", params=params, headers=HEADERS).text
    assert text.splitlines() == ["# TYPE latency untyped", f'latency{{instance="",kind="float"}} 1.5 {now_ms}']
    answer = call(services, "GET", "/prometheus/federate", params=params, headers={**HEADERS, "Accept": PROTOBUF})
    assert answer.headers["content-type"].startswith("application/vnd.google.protobuf; proto=io.prometheus.client.M")
    found = parse_protobuf(answer.content, native=True, classic=False)
    assert found.samples().values.tolist() == [1.5]
    first, gauge, empty = found.native
    assert (first.is_gauge, gauge.is_gauge, first.time_ms) == (False, True, now_ms)
    one = first.histogram
    assert (one.sample_count_float, one.sample_sum, one.schema, one.zero_count_float) == (6, 1.5, 3, 1)
    assert [(span.offset, span.length) for span in one.positive_span] == [(-2, 3)]
    assert list(one.positive_count) == [2, 1, 2]
    assert (empty.histogram.sample_count_float, len(empty.histogram.positive_span)) == (0, 1)


@pytest.mark.parametrize(
    ("accept", "one", "end"), [("text/plain", "1", []), ("application/openmetrics-text", "1.0", ["# EOF"])]
)
def test_custom_buckets_are_served_as_a_classic_histogram(
    services: ApiServices, now_ms: int, accept: str, one: str, end: list[str]
) -> None:
    params = {"match[]": '{"rt.seconds"}'}
    answer = call(services, "GET", "/prometheus/federate", params=params, headers={**HEADERS, "Accept": accept})
    moment = now_ms if accept == "text/plain" else f"{now_ms // 1000}"
    labels = 'instance="",kind="custom"'
    buckets = [("0.5", 1), (one, 1), ("2.5", 3), ("+Inf", 6)]
    lines = [f'rt_seconds_bucket{{{labels},le="{bound}"}} {count} {moment}' for bound, count in buckets]
    sums = [f"rt_seconds_sum{{{labels}}} 9.5 {moment}", f"rt_seconds_count{{{labels}}} 6 {moment}"]
    assert answer.text.splitlines() == ["# TYPE rt_seconds histogram", *lines, *sums, *end]


@pytest.mark.parametrize(
    ("bounds", "spans", "rejected"),
    [
        ([], [(0, 1)], 0),
        ([0.5, 1], [(1, 2)], 0),
        ([0.5, 1], [(1, 3)], 1),
        ([1], [(-1, 1)], 1),
        ([1, 0.5], [(0, 1)], 1),
        ([1, 1], [(0, 1)], 1),
        ([1, math.inf], [(0, 1)], 1),
        ([math.nan], [(0, 1)], 1),
    ],
)
def test_custom_buckets_without_bounds_are_refused_and_hurt_nobody(
    services: ApiServices, now_ms: int, bounds: list[float], spans: list[tuple[int, int]], rejected: int
) -> None:
    tenant = f"federated {bounds} {spans}"
    request = write_request(({"__name__": "good"}, [(1.0, now_ms)]), ({"__name__": "odd"}, []))
    sent = request.timeseries[1].histograms.add(count_int=5, sum=1, schema=-53, timestamp=now_ms, custom_values=bounds)
    for offset, length in spans:
        sent.positive_spans.add(offset=offset, length=length)
        sent.positive_deltas.extend([1] * length)
    (outcome,) = asyncio.run(engine().insert(Signal.REMOTE_WRITE, [Request(tenant, request.SerializeToString())]))
    assert (outcome.rejected, "custom buckets" in outcome.reason) == (rejected, rejected == 1)
    for accept in ("text/plain", PROTOBUF):
        headers = {"X-Scope-OrgID": tenant, "Accept": accept}
        answer = call(services, "GET", "/prometheus/federate", params={"match[]": '{__name__=~".+"}'}, headers=headers)
        assert answer.status_code == 200 and b"good" in answer.content and (b"odd" in answer.content) == (not rejected)


def test_custom_buckets_come_back_from_protobuf(services: ApiServices) -> None:
    headers = {**HEADERS, "Accept": f"{PROTOBUF};escaping=allow-utf-8"}
    answer = call(services, "GET", "/prometheus/federate", params={"match[]": '{"rt.seconds"}'}, headers=headers)
    found = parse_protobuf(answer.content, native=True, classic=False)
    assert not found.native
    assert sorted(found.samples().values.tolist()) == [1, 1, 3, 6, 6, 9.5]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
        ("text/plain;version=2.0.0", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
        ("text/plain;q=0.2,application/openmetrics-text;version=1.0.0;q=0.4,*/*;q=0.1", "application/openmetrics-text"),
        (f"text/plain;q=0.2,{PROTOBUF};escaping=allow-utf-8;q=0.6", "application/vnd.google.protobuf"),
        (f"{PROTOBUF};q=x,text/plain;version=1.0.0;escaping=dots", "text/plain; version=1.0.0; charset=utf-8"),
        ("application/vnd.google.protobuf", "text/plain"),
    ],
)
def test_the_format_is_the_one_that_is_liked_best(accept: str, content_type: str) -> None:
    assert negotiate(accept).content_type.startswith(content_type)
