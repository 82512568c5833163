-- What each service sent, by the minute of arrival: items, and its share of the bytes on the wire (before compression).
-- cluster: sharded by tenant, service
CREATE TABLE IF NOT EXISTS usage${local}
(
    tenant LowCardinality(String),
    signal LowCardinality(String),
    service LowCardinality(String),
    minute DateTime('UTC') DEFAULT toStartOfMinute(now('UTC')) CODEC(Delta, ZSTD(1)),
    items UInt64 CODEC(ZSTD(1)),
    bytes UInt64 CODEC(ZSTD(1))
)
ENGINE = ${Replicated}SummingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (tenant, signal, service, minute)
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1
