-- One row for each metric series and day on which it received points. The id is a hash of the tenant and of everything that
-- identifies an OTLP stream: metric, type, unit, temporality, monotonicity, number type, resource, scope and attributes.
-- type is the OTLP field number of `Metric.data`: 5 gauge, 7 sum, 9 histogram, 10 exponential histogram, 11 summary.
-- `target`: the labels that come from its resource, as JSON. `bounds`: of a histogram's buckets, or a summary's quantiles.
-- cluster: sharded by series_id
CREATE TABLE IF NOT EXISTS series${local}
(
    tenant LowCardinality(String),
    day Date DEFAULT today(),
    metric LowCardinality(String),
    series_id UInt64,
    type Int8,
    unit LowCardinality(String),
    temporality Int8,
    monotonic Bool,
    integer Bool,
    service LowCardinality(String),
    resource_id UInt64,
    scope_id UInt64,
    target LowCardinality(String),
    bounds Array(Float64) CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1))
)
ENGINE = ${Replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, metric, series_id, day)
