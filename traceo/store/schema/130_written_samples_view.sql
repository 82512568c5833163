-- A double that is a whole number is `whole`, but minus zero, whose sign an integer would lose.
CREATE MATERIALIZED VIEW IF NOT EXISTS written_samples_view TO samples${local} AS
SELECT tenant, received_at, series_id, fromUnixTimestamp64Nano(1000000 * time_ms, 'UTC') AS time,
    accurateCastOrDefault(value, 'Int64') AS whole, if(whole = 0, value, 0) AS fractional, 1000000 * greatest(start_ms, created_ms, 0) AS start_time_ns
FROM written_series${local} ARRAY JOIN samples.timestamp AS time_ms, samples.value AS value, samples.start_timestamp AS start_ms
