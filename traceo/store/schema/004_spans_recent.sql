-- Spans that wait for their trace's verdict: all of them, for a short while, by the hour so that whole hours fall.
-- The same columns as `spans`, without the index on attribute values.
-- cluster: sharded by trace_id
CREATE TABLE IF NOT EXISTS spans_recent${local} AS spans${local}
ENGINE = ${Replicated}MergeTree
PARTITION BY toStartOfHour(received_at)
ORDER BY (tenant, received_at)
SETTINGS ratio_of_defaults_for_sparse_serialization = 0.9, non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1
