-- Spans that wait for their trace's verdict: all of them, for a short while, by the hour so that whole hours fall.
-- The same columns and indexes as `spans`. Each row keeps the number of the block that brought
-- it: the sampler works through blocks in their order, so that it takes each span once (sampling/sampler.py).
-- cluster: sharded by trace_id
CREATE TABLE IF NOT EXISTS spans_recent${local} AS spans${local}
ENGINE = ${Replicated}MergeTree
PARTITION BY toStartOfHour(received_at)
ORDER BY (tenant, received_at)
SETTINGS min_bytes_for_wide_part = 268435456, enable_block_number_column = 1, merge_with_ttl_timeout = 60, ratio_of_defaults_for_sparse_serialization = 0.9, non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1, ttl_only_drop_parts = 1
