"""The protobuf format: the same series as in the text formats, and native histograms without loss."""

import io
from typing import Any

import pytest
from google.protobuf import proto, text_format

from tests.scraping.received import STALE, Received, as_value, read_requests
from traceo.scraping.config import PROTOBUF, ScrapeConfig
from traceo.scraping.digest import Digest, Outcome
from traceo.scraping.exposition import ExpositionError
from traceo.scraping.target import Target
from traceo.scraping.wire.exposed_pb2 import MetricFamily

NOW = 1_795_633_795_837
CLASSIC = """
name: "lat" help: "L." type: HISTOGRAM unit: "seconds"
metric { label { name: "a" value: "x\\"y" } histogram { sample_count: 3 sample_sum: 2.5
  bucket { cumulative_count: 1 upper_bound: 1
           exemplar { label { name: "trace_id" value: "t" } value: 0.5 timestamp { seconds: 7 nanos: 500000000 } } }
  bucket { cumulative_count: 2 upper_bound: 2.5 } } }"""
NATIVE = """
name: "nat" type: HISTOGRAM metric { histogram { sample_count: 10 sample_sum: 9.5 schema: 3 zero_threshold: 0.001
  zero_count: 2 positive_span { offset: -1 length: 2 } positive_delta: 3 positive_delta: 1
  negative_span { offset: 4 length: 1 } negative_delta: 1
  bucket { cumulative_count: 10 upper_bound: 1 } } }"""
FLOATS = """
name: "flo" type: GAUGE_HISTOGRAM metric { timestamp_ms: 5000
  histogram { sample_count_float: 1.5 sample_sum: 1 schema: 0
  zero_count_float: 0.5 positive_span { offset: 0 length: 1 } positive_count: 1 } }"""
SIMPLE = """name: "hits_total" type: COUNTER metric { counter { value: 4 exemplar { value: 1 } } }
|name: "temp" type: GAUGE metric { gauge { value: 0 } timestamp_ms: 1000 }
  metric { label { name: "b" value: "c" } gauge {} }
|name: "what" type: UNTYPED metric { untyped { value: 7 } }
|name: "my.sum" type: SUMMARY
  metric { summary { sample_count: 2 sample_sum: 3 quantile { quantile: 0.5 value: 1.5 } } }"""


def body_of(*families: str) -> bytes:
    texts = [text for family in families for text in family.split("|")]
    return b"".join(_delimited(text_format.Parse(text, MetricFamily())) for text in texts)


def _delimited(message: Any) -> bytes:
    stream = io.BytesIO()
    proto.serialize_length_prefixed(message, stream)
    return stream.getvalue()


def digest(body: bytes, target: Digest | None = None, **flags: bool) -> Received:
    used = target or Digest(ScrapeConfig("a", flags=flags), Target("http://x", {}, {}, 15, 10))
    return read_requests(used.take(body, PROTOBUF, NOW, Outcome()))


def test_simple_metrics_are_read() -> None:
    found = digest(body_of(SIMPLE))
    assert found.samples == [
        ("hits_total", 4, NOW), ("temp", 0, 1000), ('temp{b="c"}', 0, NOW), ("what", 7, NOW),
        ('my.sum{quantile="0.5"}', 1.5, NOW), ("my.sum_sum", 3, NOW), ("my.sum_count", 2, NOW),
    ]  # fmt: skip
    assert found.exemplars == [("hits_total", "", 1, NOW)]
    assert found.metadata["hits_total"] == (1, "", "")


def test_classic_histogram_has_its_buckets_and_exemplars() -> None:
    found = digest(body_of(CLASSIC))
    assert found.values == {
        'lat_bucket{a="x"y",le="1.0"}': 1, 'lat_bucket{a="x"y",le="2.5"}': 2, 'lat_bucket{a="x"y",le="+Inf"}': 3,
        'lat_sum{a="x"y"}': 2.5, 'lat_count{a="x"y"}': 3,
    }  # fmt: skip
    assert found.exemplars == [('lat_bucket{a="x"y",le="1.0"}', '{trace_id="t"}', 0.5, 7500)]
    assert found.metadata == {"lat": (3, "L.", "seconds")}


def test_native_histogram_is_written_without_loss() -> None:
    found = digest(body_of(NATIVE, FLOATS), scrape_native_histograms=True)
    (name, whole), (other, floats) = found.histograms
    assert found.samples == [] and (name, other) == ("nat", "flo")
    assert (whole.count_int, whole.zero_count_int, whole.sum, whole.schema) == (10, 2, 9.5, 3)
    assert [(span.offset, span.length) for span in whole.positive_spans] == [(-1, 2)]
    assert (list(whole.positive_deltas), list(whole.negative_deltas)) == ([3, 1], [1])
    assert (whole.zero_threshold, whole.timestamp, whole.reset_hint) == (0.001, NOW, 0)
    assert (floats.count_float, floats.zero_count_float, list(floats.positive_counts)) == (1.5, 0.5, [1])
    assert (floats.timestamp, floats.reset_hint) == (5000, 3)


def test_classic_buckets_stand_in_or_go_beside_native_ones() -> None:
    classic = {'nat_bucket{le="1.0"}', 'nat_bucket{le="+Inf"}', "nat_sum", "nat_count"}
    assert set(digest(body_of(NATIVE)).values) == classic
    both = digest(body_of(NATIVE), scrape_native_histograms=True, always_scrape_classic_histograms=True)
    assert set(both.values) == classic and len(both.histograms) == 1


def test_native_histogram_that_is_gone_becomes_stale() -> None:
    target = Digest(ScrapeConfig("a", flags={"scrape_native_histograms": True}), Target("http://x", {}, {}, 15, 10))
    digest(body_of(NATIVE, FLOATS), target)
    ((name, marker),) = digest(body_of(SIMPLE), target).histograms
    assert name == "nat" and as_value(marker.sum) == STALE and marker.timestamp == NOW
    digest(body_of(NATIVE), target)
    ((_, marker),) = read_requests(target.fail(NOW + 5)).histograms
    assert as_value(marker.sum) == STALE


def test_other_configuration_ends_the_native_histograms_that_it_drops() -> None:
    target = Target("http://x", {}, {}, 15, 10)
    before = Digest(ScrapeConfig("a", flags={"scrape_native_histograms": True}), target)
    digest(body_of(NATIVE), before)
    after = Digest(ScrapeConfig("a"), target, before)
    ((name, marker),) = digest(body_of(NATIVE), after).histograms
    assert name == "nat" and as_value(marker.sum) == STALE


def test_native_histograms_count_for_the_limit() -> None:
    config = ScrapeConfig("a", flags={"scrape_native_histograms": True}, limits={"sample_limit": 1})
    target = Digest(config, Target("http://x", {}, {}, 15, 10))
    with pytest.raises(Exception, match="sample_limit exceeded: 2 samples, limit 1"):
        digest(body_of(NATIVE, FLOATS), target)
    outcome = Outcome()
    target.take(body_of(NATIVE), PROTOBUF, NOW, outcome)
    assert (outcome.scraped, outcome.stored, outcome.added) == (1, 1, 1)


@pytest.mark.parametrize("body", [b"\xff", b"\x05abc", b"a 1\n", body_of(SIMPLE)[:-3]], ids=repr)
def test_what_is_no_protobuf_is_refused(body: bytes) -> None:
    with pytest.raises(ExpositionError, match="not the protobuf format"):
        digest(body)
