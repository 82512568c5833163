-- What became of each judged trace, for as long as its spans may still come in: late ones follow it. A look-up is for a
-- few thousand ids at once, so that granules are small. `round` is the sampler's round that decided; `randomness` and
-- `threshold` are those of ADR 0008, `keys` the trace's keys of dynamic policies. `would_drop`: a dry run kept what its
-- policies would have dropped.
-- cluster: sharded by trace_id
CREATE TABLE IF NOT EXISTS decisions${local}
(
    tenant LowCardinality(String),
    trace_id FixedString(16) CODEC(ZSTD(1)),
    decided_at DateTime CODEC(ZSTD(1)),
    first_arrival DateTime CODEC(ZSTD(1)),
    round UInt64 CODEC(ZSTD(1)),
    keep Bool,
    would_drop Bool,
    policy LowCardinality(String),
    votes Array(LowCardinality(String)),
    threshold UInt64 CODEC(ZSTD(1)),
    randomness UInt64 CODEC(ZSTD(1)),
    spans UInt32 CODEC(ZSTD(1)),
    bytes UInt64 CODEC(ZSTD(1)),
    keys Map(LowCardinality(String), String) CODEC(ZSTD(1))
)
ENGINE = ${Replicated}MergeTree
PARTITION BY toStartOfHour(decided_at)
ORDER BY (tenant, trace_id)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1, ttl_only_drop_parts = 1
