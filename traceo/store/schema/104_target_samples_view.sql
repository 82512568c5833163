-- A sample of `target_info`, which is always 1, at the last moment of each block, of resources of which there is more to
-- know than their name.
CREATE MATERIALIZED VIEW IF NOT EXISTS target_samples_view TO samples${local} AS
SELECT tenant, any(m.received_at) AS received_at, ${TargetId(resource_id)} AS series_id,
    fromUnixTimestamp64Nano(reinterpretAsInt64(max(greatest(arrayMax(numbers.time_unix_nano), arrayMax(histograms.time_unix_nano), arrayMax(exponential_histograms.time_unix_nano), arrayMax(summaries.time_unix_nano)))), 'UTC') AS time,
    1 AS whole
FROM metrics_in${local} AS m WHERE has_info AND points > 0 GROUP BY tenant, resource_id
