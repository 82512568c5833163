-- Rate, errors and duration of each service and operation by the minute, of every span that arrives: exact, before any
-- sampling. `durations` counts spans by floor(16 * log2(duration_ns)): buckets of 4.4 % width, so that a quantile read
-- from their middle is at most 2.2 % off; the boundaries are those of an OpenTelemetry exponential histogram of scale 4.
-- cluster: local
CREATE TABLE IF NOT EXISTS span_red${local}
(
    tenant LowCardinality(String),
    service LowCardinality(String),
    operation LowCardinality(String),
    kind Int8,
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    spans SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    errors SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    duration_sum_ns SimpleAggregateFunction(sum, Int64) CODEC(ZSTD(1)),
    duration_max_ns SimpleAggregateFunction(max, Int64) CODEC(ZSTD(1)),
    durations SimpleAggregateFunction(sumMap, Map(UInt16, UInt64)) CODEC(ZSTD(1))
)
ENGINE = ${Replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (tenant, service, operation, kind, minute)
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1
