-- Traces that sent log records and, for long enough, no span: their records are kept. `round` is that of log_round.py.
-- cluster: sharded by trace_id
CREATE TABLE IF NOT EXISTS log_orphans${local}
(
    tenant LowCardinality(String),
    trace_id FixedString(16) CODEC(ZSTD(1)),
    marked_at DateTime CODEC(ZSTD(1)),
    round UInt64 CODEC(ZSTD(1))
)
ENGINE = ${Replicated}MergeTree
PARTITION BY toStartOfHour(marked_at)
ORDER BY (tenant, trace_id)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1, ttl_only_drop_parts = 1
