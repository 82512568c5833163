-- Who called whom, by the minute of the callee's span: spans whose parent belongs to another service. Computed from the
-- spans by `rollups.py`, minute by minute and again while a minute still receives spans; the newest `computed_at` holds.
-- cluster: local
CREATE TABLE IF NOT EXISTS service_edges${local}
(
    tenant LowCardinality(String),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    client LowCardinality(String),
    server LowCardinality(String),
    kind LowCardinality(String),
    calls UInt64 CODEC(ZSTD(1)),
    errors UInt64 CODEC(ZSTD(1)),
    duration_sum_ns Int64 CODEC(ZSTD(1)),
    durations Map(UInt16, UInt64) CODEC(ZSTD(1)),
    computed_at DateTime64(3, 'UTC')
)
ENGINE = ${Replicated}ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(minute)
ORDER BY (tenant, minute, client, server, kind)
