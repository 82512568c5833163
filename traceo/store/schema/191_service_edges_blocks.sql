-- Sums of `service_edges` over blocks of `span_s` seconds (ten minutes, an hour, a day), so that a map of a day reads
-- some forty rows an edge and not 1440. `minute`: where the block begins. Computed from finer rows once the block has
-- ended, and again when late spans arrive (catalog/edges.py); the newest `computed_at` holds.
-- cluster: local
CREATE TABLE IF NOT EXISTS service_edges_blocks${local}
(
    tenant LowCardinality(String),
    span_s UInt32,
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    client LowCardinality(String),
    server LowCardinality(String),
    kind LowCardinality(String),
    calls UInt64 CODEC(ZSTD(1)),
    errors UInt64 CODEC(ZSTD(1)),
    duration_sum_ns Int64 CODEC(ZSTD(1)),
    durations Map(UInt16, UInt64) CODEC(ZSTD(1)),
    computed_at DateTime64(3, 'UTC')
)
ENGINE = ${Replicated}ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(minute)
ORDER BY (tenant, span_s, minute, client, server, kind)
