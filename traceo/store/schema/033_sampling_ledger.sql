-- What sampling did, by the minute of the verdict, policy and service. `verdict`: kept, dropped, late_kept, late_dropped
-- (spans that came after their trace's verdict), forced (kept on demand), would_drop (kept by a dry run); and rescued: kept
-- on demand after they had been dropped, where they were counted already. Traces count once for each service in them.
-- `logs` and `log_bytes` are of log records that follow the verdict, late or not, in rows of their own.
-- cluster: local
CREATE TABLE IF NOT EXISTS sampling_ledger${local}
(
    tenant LowCardinality(String),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    policy LowCardinality(String),
    service LowCardinality(String),
    verdict LowCardinality(String),
    traces UInt64 CODEC(ZSTD(1)),
    spans UInt64 CODEC(ZSTD(1)),
    bytes UInt64 CODEC(ZSTD(1)),
    logs UInt64 CODEC(ZSTD(1)),
    log_bytes UInt64 CODEC(ZSTD(1))
)
ENGINE = ${Replicated}SummingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (tenant, minute, policy, service, verdict)
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1
