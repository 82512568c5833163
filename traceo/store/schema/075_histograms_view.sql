CREATE MATERIALIZED VIEW IF NOT EXISTS histograms_view TO histograms${local} AS
SELECT tenant, received_at, series_id, fromUnixTimestamp64Nano(reinterpretAsInt64(time_ns), 'UTC') AS time, start_time_ns, flags,
    count, sum, min, max, bounds, counts, scale, zero_count, zero_threshold, positive_offset, positive_counts, negative_offset, negative_counts
FROM distributions_in WHERE type IN (9, 10)
