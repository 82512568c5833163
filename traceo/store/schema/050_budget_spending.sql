-- The same by the minute, for as long as usage is kept: what has been spent of a day or a month.
-- cluster: local
CREATE TABLE IF NOT EXISTS budget_spending${local} AS budget_demand${local}
ENGINE = ${Replicated}SummingMergeTree
PARTITION BY toYYYYMM(moment)
ORDER BY (owner, moment, tenant, budget, exempt)
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1
