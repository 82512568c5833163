-- What sent the data: one row for each distinct resource (pod, process), instead of its 10 to 20 attributes on every span.
-- The id is a hash of the attributes and the schema URL. Writers repeat rows; ReplacingMergeTree and readers (LIMIT 1 BY)
-- make them one. Days keep it small: a resource is written again on each day that it sends, and falls with its data.
-- cluster: sharded by id
CREATE TABLE IF NOT EXISTS resources${local}
(
    tenant LowCardinality(String),
    day Date DEFAULT today(),
    id UInt64,
    service LowCardinality(String),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    dropped_attributes UInt32,
    schema_url LowCardinality(String)
)
ENGINE = ${Replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, day, id)
