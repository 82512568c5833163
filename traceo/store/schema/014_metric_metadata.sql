-- What a metric is: type, unit and description as last sent, for each service.
-- cluster: local
CREATE TABLE IF NOT EXISTS metric_metadata${local}
(
    tenant LowCardinality(String),
    metric LowCardinality(String),
    service LowCardinality(String),
    type Int8,
    unit LowCardinality(String),
    description String CODEC(ZSTD(1)),
    metadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    updated_at DateTime DEFAULT now()
)
ENGINE = ${Replicated}ReplacingMergeTree(updated_at)
ORDER BY (tenant, metric, service)
