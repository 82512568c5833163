-- Which template a shape belongs to. Written once for a shape; the same again says the same.
-- cluster: sharded by tenant, service
CREATE TABLE IF NOT EXISTS log_shape_patterns${local}
(
    tenant LowCardinality(String),
    service LowCardinality(String),
    shape UInt64 CODEC(ZSTD(1)),
    pattern UInt64 CODEC(ZSTD(1)),
    mapped_at DateTime64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ${Replicated}ReplacingMergeTree(mapped_at)
ORDER BY (tenant, service, shape)
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1
