-- What the policies would keep, and what is kept after budgets, by budget and five seconds of first arrival. The sampler of
-- each shard steers by the sums of all shards. `owner` is the tenant, or "" for a budget of all tenants together; `tenant`
-- is whose traces they are. `exempt`: traces with errors and slow ones, which have a ceiling of their own. `demand_` is what
-- was kept before this budget thinned it, `kept_` what was kept in the end. Sorted by owner: a budget of all tenants is
-- one range, too.
-- cluster: local
CREATE TABLE IF NOT EXISTS budget_demand${local}
(
    owner LowCardinality(String),
    moment DateTime('UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    budget LowCardinality(String),
    exempt Bool,
    demand_spans UInt64 CODEC(ZSTD(1)),
    demand_bytes UInt64 CODEC(ZSTD(1)),
    kept_traces UInt64 CODEC(ZSTD(1)),
    kept_spans UInt64 CODEC(ZSTD(1)),
    kept_bytes UInt64 CODEC(ZSTD(1))
)
ENGINE = ${Replicated}SummingMergeTree
PARTITION BY toStartOfHour(moment)
ORDER BY (owner, moment, tenant, budget, exempt)
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1, ttl_only_drop_parts = 1
