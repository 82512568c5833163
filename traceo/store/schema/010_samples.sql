-- Points of gauges and sums. Sorted by series, because every question asks for series over time.
-- An integer point is `toInt64(value) + integer_rest`, which holds all 64 bits where Float64 has 53; the rest is nearly
-- always 0 and then costs nothing. flags bit 0: no recorded value (the series became stale).
-- cluster: sharded by series_id
CREATE TABLE IF NOT EXISTS samples${local}
(
    tenant LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    value Float64 CODEC(Gorilla, ZSTD(1)),
    start_time_ns UInt64 CODEC(ZSTD(1)),
    integer_rest Int64 CODEC(ZSTD(1)),
    flags UInt32 CODEC(ZSTD(1)),
    received_at DateTime DEFAULT now() CODEC(ZSTD(1))
)
ENGINE = ${Replicated}MergeTree
PARTITION BY toDate(received_at)
ORDER BY (tenant, series_id, time)
SETTINGS ratio_of_defaults_for_sparse_serialization = 0.9, non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1
