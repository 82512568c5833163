-- Items that were refused although their request was readable, with the reason: what the sender is told as OTLP's
-- "partial success", and what an operator asks about later.
-- cluster: sharded by batch_id
CREATE TABLE IF NOT EXISTS rejects${local}
(
    tenant LowCardinality(String),
    signal LowCardinality(String),
    batch_id UInt64,
    request_index UInt32,
    items UInt64,
    reason LowCardinality(String),
    received_at DateTime DEFAULT now()
)
ENGINE = ${Replicated}MergeTree
PARTITION BY toDate(received_at)
ORDER BY (batch_id, request_index)
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1, ttl_only_drop_parts = 1
