-- What each service sent, by the minute of arrival: items, and its share of the bytes on the wire (before compression).
-- `oldest_ms`: of metrics, the time of the oldest point. Answers about the past that are kept hold while none is older.
-- cluster: sharded by tenant, service
CREATE TABLE IF NOT EXISTS usage${local}
(
    tenant LowCardinality(String),
    signal LowCardinality(String),
    service LowCardinality(String),
    minute DateTime('UTC') DEFAULT toStartOfMinute(now('UTC')) CODEC(Delta, ZSTD(1)),
    items UInt64 CODEC(ZSTD(1)),
    bytes UInt64 CODEC(ZSTD(1)),
    oldest_ms SimpleAggregateFunction(min, Int64) DEFAULT 9223372036854775807 CODEC(ZSTD(1))
)
ENGINE = ${Replicated}SummingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (tenant, signal, service, minute)
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1
