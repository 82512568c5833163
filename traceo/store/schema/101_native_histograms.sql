-- Points of Prometheus' native histograms, of integers and of floats. Buckets are absolute counts, by index: bucket i of schema s
-- reaches from base^(i-1) (excluded) to base^i with base = 2^(2^-s); schema -53 has `custom_bounds`, and no negative buckets.
-- A stale marker is a `sum` with the bits of Prometheus' stale NaN.
-- cluster: sharded by series_id
CREATE TABLE IF NOT EXISTS native_histograms${local}
(
    tenant LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    start_time_ns UInt64 CODEC(ZSTD(1)),
    reset_hint Enum8('unknown' = 0, 'yes' = 1, 'no' = 2, 'gauge' = 3),
    is_float Bool,
    schema Int8,
    zero_threshold Float64 CODEC(ZSTD(1)),
    zero_count Float64 CODEC(ZSTD(1)),
    count Float64 CODEC(ZSTD(1)),
    sum Float64 CODEC(ZSTD(1)),
    positive_indexes Array(Int32) CODEC(ZSTD(1)),
    positive_counts Array(Float64) CODEC(ZSTD(1)),
    negative_indexes Array(Int32) CODEC(ZSTD(1)),
    negative_counts Array(Float64) CODEC(ZSTD(1)),
    custom_bounds Array(Float64) CODEC(ZSTD(1)),
    received_at DateTime DEFAULT now() CODEC(ZSTD(1))
)
ENGINE = ${Replicated}MergeTree
PARTITION BY toDate(received_at)
ORDER BY (tenant, series_id, time)
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1, ttl_only_drop_parts = 1
