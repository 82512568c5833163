-- Rate, errors and duration of each service and resource (process, pod, version) by the minute, of every span before any
-- sampling. Computed with the edges (catalog/edges.py), minute by minute; the newest `computed_at` holds. `entry`: the
-- spans that enter the service. A resource's attributes are looked up on reading: on a cluster they rest elsewhere.
-- cluster: local
CREATE TABLE IF NOT EXISTS resource_red${local}
(
    tenant LowCardinality(String),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    service LowCardinality(String),
    resource_id UInt64 CODEC(ZSTD(1)),
    entry Bool,
    spans UInt64 CODEC(ZSTD(1)),
    errors UInt64 CODEC(ZSTD(1)),
    durations Map(UInt16, UInt64) CODEC(ZSTD(1)),
    computed_at DateTime64(3, 'UTC')
)
ENGINE = ${Replicated}ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(minute)
ORDER BY (tenant, service, resource_id, entry, minute)
