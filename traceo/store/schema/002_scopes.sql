-- The instrumentation libraries, kept apart for the same reason as resources.
-- cluster: sharded by id
CREATE TABLE IF NOT EXISTS scopes${local}
(
    tenant LowCardinality(String),
    day Date DEFAULT today(),
    id UInt64,
    name LowCardinality(String),
    version LowCardinality(String),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    dropped_attributes UInt32,
    schema_url LowCardinality(String)
)
ENGINE = ${Replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, day, id)
