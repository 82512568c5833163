-- Traces that somebody or something wants kept, whatever the policies say. `source` is what their spans are then kept by:
-- `on demand` (API, incidents), `on demand: marked` (by whoever sent them) or `on demand: exemplar`. The sampler reads all of
-- the first, and what is new of the others; a trace may be here more than once.
-- cluster: sharded by trace_id
CREATE TABLE IF NOT EXISTS kept_traces${local}
(
    tenant LowCardinality(String),
    source LowCardinality(String) DEFAULT 'on demand',
    requested_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(ZSTD(1)),
    trace_id FixedString(16) CODEC(ZSTD(1)),
    reason LowCardinality(String)
)
ENGINE = ${Replicated}MergeTree
PARTITION BY toDate(requested_at)
ORDER BY (tenant, source, requested_at)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1, ttl_only_drop_parts = 1
