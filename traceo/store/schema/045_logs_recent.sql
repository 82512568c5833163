-- Log records that wait for their trace's verdict, in tenants whose policies say `thin_logs`. Laid out like `spans_recent`:
-- each row keeps the number of the block that brought it (sampling/log_round.py).
-- cluster: sharded by trace_id
CREATE TABLE IF NOT EXISTS logs_recent${local} AS logs${local}
ENGINE = ${Replicated}MergeTree
PARTITION BY toStartOfHour(received_at)
ORDER BY (tenant, received_at)
SETTINGS enable_block_number_column = 1, merge_with_ttl_timeout = 60, ratio_of_defaults_for_sparse_serialization = 0.9, non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1, ttl_only_drop_parts = 1
