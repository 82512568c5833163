-- Traces that somebody or something wants kept, whatever the policies say: asked for by API, or linked from elsewhere.
-- cluster: sharded by trace_id
CREATE TABLE IF NOT EXISTS kept_traces${local}
(
    tenant LowCardinality(String),
    trace_id FixedString(16) CODEC(ZSTD(1)),
    requested_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(ZSTD(1)),
    reason LowCardinality(String)
)
ENGINE = ${Replicated}MergeTree
PARTITION BY toDate(requested_at)
ORDER BY (tenant, trace_id)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1, ttl_only_drop_parts = 1
