-- How many lines of which shape came: counted by the insert that brings them, each once, before any thinning (ADR 0022).
-- A shape is the hash of a line without its digits and the letters a to f, so that numbers, ids in hexadecimal, addresses
-- and times do not tell lines apart. `example`: the beginning of one of its lines. Shape 0: lines of a block that has more
-- shapes than are worth a row. `arrived`: when the last of them came, for the miner, which looks for new shapes.
-- cluster: local
CREATE TABLE IF NOT EXISTS log_shapes${local}
(
    tenant LowCardinality(String),
    service LowCardinality(String),
    severity_number Int8,
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    shape UInt64 CODEC(ZSTD(1)),
    lines SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    example SimpleAggregateFunction(any, String) CODEC(ZSTD(1)),
    arrived SimpleAggregateFunction(max, DateTime) CODEC(ZSTD(1)),
    INDEX by_arrival arrived TYPE minmax GRANULARITY 1
)
ENGINE = ${Replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (tenant, service, severity_number, minute, shape)
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1
