-- Templates of log lines, by service: what the miner makes of shapes. A template is written again when it becomes more
-- general; the newest text holds. `first_seen` is its oldest line's.
-- cluster: sharded by tenant, service
CREATE TABLE IF NOT EXISTS log_patterns${local}
(
    tenant LowCardinality(String),
    service LowCardinality(String),
    pattern UInt64 CODEC(ZSTD(1)),
    template String CODEC(ZSTD(1)),
    example String CODEC(ZSTD(1)),
    first_seen DateTime('UTC') CODEC(ZSTD(1)),
    updated_at DateTime64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ${Replicated}ReplacingMergeTree(updated_at)
ORDER BY (tenant, service, pattern)
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1
