-- Series as PromQL sees them: one row for each series and day on which it received points. `labels` are plain text, without
-- `__name__`, which is `metric`. `kind` says in which table, and as what, the points of `source_id` lie.
-- What is selected is a few series of a day or two: a day's rows lie together, in small granules that know their values.
-- cluster: sharded by source_id
CREATE TABLE IF NOT EXISTS label_sets${local}
(
    tenant LowCardinality(String),
    day Date DEFAULT today(),
    metric LowCardinality(String),
    series_id UInt64,
    source_id UInt64,
    kind Enum8('samples' = 0, 'native_histogram' = 1, 'exponential' = 2, 'bucket' = 3, 'bucket_sum' = 4, 'bucket_count' = 5, 'summary_quantile' = 6, 'summary_sum' = 7, 'summary_count' = 8, 'delta' = 9),
    labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    INDEX label_value mapValues(labels) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${Replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, metric, day, series_id, kind)
SETTINGS index_granularity = 1024
