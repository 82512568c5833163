-- Which labels there are and which values each has, by day: what is asked for while somebody writes a query. `label_sets`
-- would have to read the labels of every series for it, which takes ten times as long (a million series, busy machine).
-- cluster: local
CREATE TABLE IF NOT EXISTS label_values${local}
(
    tenant LowCardinality(String),
    name LowCardinality(String),
    value String CODEC(ZSTD(1)),
    day Date DEFAULT today()
)
ENGINE = ${Replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, name, value, day)
