-- The durable spans.
-- Sort key: the moment of arrival. Blocks arrive sorted by it (the batcher sorts by tenant), so that nothing is sorted on
-- insert and merges are concatenations: 6 CPU-s per million spans against 9 when sorted by trace id, at 50 bytes a span.
-- What makes up for it are skip indexes that cost 1.5 bytes a span: a trace's spans lie in few granules, so that a bloom
-- filter finds a trace id, or an attribute's value, in any of thousands; `start_time` has minima and maxima. An element
-- of an array is no value of its own: `has_array` says where to look for it.
-- Partitions and TTL go by arrival, not by the sender's clock: a span from 1970 is kept like any other.
-- Attribute values are encoded `AnyValue`s (see wire/common.proto); store/attributes.py reads and compares them.
-- span_id is random: no codec shrinks it. `dropped` is [attributes, events, links], empty when nothing was dropped.
-- Parts are one file (compact) up to 256 MiB uncompressed: a file for each column costs 7 % of an insert's CPU in the file
-- system, and 3 % of the bytes.
-- `kept_by` is the sampling policy that kept the trace ("": it was not judged), `threshold` its rejection threshold (ADR
-- 0008): a span stands for 2^56 / (2^56 - threshold) of its kind. Both are nearly always what they were a row before.
-- cluster: sharded by trace_id
CREATE TABLE IF NOT EXISTS spans${local}
(
    tenant LowCardinality(String),
    received_at DateTime DEFAULT now() CODEC(ZSTD(1)),
    trace_id FixedString(16) CODEC(ZSTD(1)),
    span_id FixedString(8) CODEC(NONE),
    parent_span_id FixedString(8) CODEC(LZ4),
    trace_state String CODEC(ZSTD(1)),
    flags UInt32 CODEC(ZSTD(1)),
    service LowCardinality(String),
    name LowCardinality(String),
    kind Int8 CODEC(ZSTD(1)),
    start_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    duration_ns Int64 CODEC(T64, ZSTD(1)),
    status_code Int8 CODEC(ZSTD(1)),
    status_message String CODEC(ZSTD(1)),
    resource_id UInt64 CODEC(ZSTD(1)),
    scope_id UInt64 CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    dropped Array(UInt32) CODEC(ZSTD(1)),
    `events.time_ns` Array(UInt64) CODEC(ZSTD(1)),
    `events.name` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `events.attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    `events.dropped_attributes` Array(UInt32) CODEC(ZSTD(1)),
    `links.trace_id` Array(String) CODEC(ZSTD(1)),
    `links.span_id` Array(String) CODEC(ZSTD(1)),
    `links.trace_state` Array(String) CODEC(ZSTD(1)),
    `links.attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    `links.dropped_attributes` Array(UInt32) CODEC(ZSTD(1)),
    `links.flags` Array(UInt32) CODEC(ZSTD(1)),
    kept_by LowCardinality(String),
    threshold UInt64 CODEC(ZSTD(1)),
    INDEX by_trace_id trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_attribute_value mapValues(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX has_array arrayExists(v -> startsWith(v, '*'), mapValues(attributes)) TYPE minmax GRANULARITY 1,
    INDEX by_start_time start_time TYPE minmax GRANULARITY 1
)
ENGINE = ${Replicated}MergeTree
PARTITION BY toDate(received_at)
ORDER BY (tenant, received_at)
SETTINGS min_bytes_for_wide_part = 268435456, ratio_of_defaults_for_sparse_serialization = 0.9, non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1, ttl_only_drop_parts = 1
