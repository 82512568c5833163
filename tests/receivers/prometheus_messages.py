"""Prometheus' protobuf messages for tests: remote write 1.0 and 2.0, remote read, from their definitions."""

from typing import Any

from traceo.store.messages import make_messages

DEFINITIONS = """
message Label { string name = 1; string value = 2; }
message Sample { double value = 1; int64 timestamp = 2; int64 start_timestamp = 3; }
message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
message BucketSpan { sint32 offset = 1; uint32 length = 2; }
message Histogram {
  optional uint64 count_int = 1; optional double count_float = 2; double sum = 3; sint32 schema = 4;
  double zero_threshold = 5; uint64 zero_count_int = 6; double zero_count_float = 7;
  repeated BucketSpan negative_spans = 8; repeated sint64 negative_deltas = 9; repeated double negative_counts = 10;
  repeated BucketSpan positive_spans = 11; repeated sint64 positive_deltas = 12; repeated double positive_counts = 13;
  int32 reset_hint = 14; int64 timestamp = 15; repeated double custom_values = 16; int64 start_timestamp = 17;
}
message TimeSeries {
  repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3;
  repeated Histogram histograms = 4;
}
message MetricMetadata { int32 type = 1; string metric_family_name = 2; string help = 4; string unit = 5; }
message WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
message Exemplar2 { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3; }
message Metadata2 { int32 type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }
message TimeSeries2 {
  repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Histogram histograms = 3;
  repeated Exemplar2 exemplars = 4; Metadata2 metadata = 5; int64 created_timestamp = 6;
}
message Request { repeated string symbols = 4; repeated TimeSeries2 timeseries = 5; }
message LabelMatcher { int32 type = 1; string name = 2; string value = 3; }
message Query { int64 start_timestamp_ms = 1; int64 end_timestamp_ms = 2; repeated LabelMatcher matchers = 3; }
message ReadRequest { repeated Query queries = 1; repeated int32 accepted_response_types = 2; }
message QueryResult { repeated TimeSeries timeseries = 1; }
message ReadResponse { repeated QueryResult results = 1; }
message Chunk { int64 min_time_ms = 1; int64 max_time_ms = 2; int32 type = 3; bytes data = 4; }
message ChunkedSeries { repeated Label labels = 1; repeated Chunk chunks = 2; }
message ChunkedReadResponse { repeated ChunkedSeries chunked_series = 1; int64 query_index = 2; }
"""
MESSAGES = make_messages(DEFINITIONS)


def write_request(*series: tuple[dict[str, str], list[tuple[float, int]]]) -> Any:
    """Version 1.0: labels in order of their names, samples as (value, milliseconds)."""
    request = MESSAGES["WriteRequest"]()
    for labels, samples in series:
        one = request.timeseries.add()
        for name, value in sorted(labels.items()):
            one.labels.add(name=name, value=value)
        for value, timestamp in samples:
            one.samples.add(value=value, timestamp=timestamp)
    return request


def to_version_2(request: Any) -> Any:
    """The same series in version 2.0; metadata is left out."""
    symbols = {"": 0}
    converted = MESSAGES["Request"]()

    def refs(labels: Any) -> list[int]:
        return [symbols.setdefault(text, len(symbols)) for label in labels for text in (label.name, label.value)]

    for one in request.timeseries:
        series = converted.timeseries.add(labels_refs=refs(one.labels), samples=one.samples, histograms=one.histograms)
        for exemplar in one.exemplars:
            series.exemplars.add(labels_refs=refs(exemplar.labels), value=exemplar.value, timestamp=exemplar.timestamp)
    converted.symbols.extend(symbols)
    return converted
