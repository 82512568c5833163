-- Exemplars of every metric type: the way from a point to a trace. The newest are looked for every few seconds, to keep
-- their traces.
-- cluster: sharded by series_id
CREATE TABLE IF NOT EXISTS exemplars${local}
(
    tenant LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    value Float64 CODEC(ZSTD(1)),
    integer Bool CODEC(ZSTD(1)),
    integer_rest Int64 CODEC(ZSTD(1)),
    trace_id FixedString(16) CODEC(ZSTD(1)),
    span_id FixedString(8) CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    received_at DateTime DEFAULT now() CODEC(ZSTD(1)),
    INDEX by_arrival received_at TYPE minmax GRANULARITY 1
)
ENGINE = ${Replicated}MergeTree
PARTITION BY toDate(received_at)
ORDER BY (tenant, series_id, time)
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1, ttl_only_drop_parts = 1
