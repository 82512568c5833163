-- Log records. Sorted by arrival like spans, for the same reason. `body` is the text of a string body; a body of any
-- other type is kept encoded in `body_value`. A token bloom filter finds words: 8 bits a token (measured: a `text` index
-- doubles a line's bytes and its cost).
-- `record_id` is 0, but for a record that rested in `logs_recent`: for as long as it is in both, reads tell by it that it is
-- one (nothing else does: two records may be alike).
-- `by_minute` counts records by stream and severity, in minutes that end with their last nanosecond, as LogQL's windows do
-- (query/log_minutes.py). Measured: a hundred bytes for a thousand lines, and nothing of an insert that shows.
-- cluster: sharded by trace_id
CREATE TABLE IF NOT EXISTS logs${local}
(
    tenant LowCardinality(String),
    received_at DateTime DEFAULT now() CODEC(ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    observed_after_ns Int64 CODEC(ZSTD(1)),
    trace_id FixedString(16) CODEC(ZSTD(1)),
    span_id FixedString(8) CODEC(ZSTD(1)),
    flags UInt32 CODEC(ZSTD(1)),
    severity_number Int8 CODEC(ZSTD(1)),
    severity_text LowCardinality(String),
    service LowCardinality(String),
    event_name LowCardinality(String),
    body String CODEC(ZSTD(1)),
    body_value String CODEC(ZSTD(1)),
    resource_id UInt64 CODEC(ZSTD(1)),
    scope_id UInt64 CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    dropped_attributes UInt32 CODEC(ZSTD(1)),
    record_id UInt64 CODEC(ZSTD(1)),
    INDEX by_token body TYPE tokenbf_v1(24576, 3, 0) GRANULARITY 1,
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_attribute_value mapValues(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_time time TYPE minmax GRANULARITY 1,
    PROJECTION by_minute
    (
        SELECT tenant, service, resource_id, severity_number, severity_text,
            intDiv(toUnixTimestamp64Nano(time) - 1, 60000000000) AS minute,
            count(), sum(length(body)), sum(length(concat(body_value, '')))
        GROUP BY tenant, service, resource_id, severity_number, severity_text, minute
    )
)
ENGINE = ${Replicated}MergeTree
PARTITION BY toDate(received_at)
ORDER BY (tenant, received_at)
SETTINGS ratio_of_defaults_for_sparse_serialization = 0.9, non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1, ttl_only_drop_parts = 1
