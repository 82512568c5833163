CREATE MATERIALIZED VIEW IF NOT EXISTS summaries_view TO summaries${local} AS
SELECT tenant, received_at, series_id, fromUnixTimestamp64Nano(reinterpretAsInt64(time_ns), 'UTC') AS time, start_time_ns, flags, count, assumeNotNull(sum) AS sum,
    quantiles, quantile_values AS values
FROM distributions_in WHERE type = 11
