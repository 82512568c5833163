-- A double that is a whole number is `whole`, but minus zero, whose sign an integer would lose.
CREATE MATERIALIZED VIEW IF NOT EXISTS plain_samples_view TO samples${local} AS
SELECT tenant, received_at, series_id, fromUnixTimestamp64Nano(1000000 * time_ms, 'UTC') AS time,
    accurateCastOrDefault(value, 'Int64') AS whole, if(whole = 0, value, 0) AS fractional
FROM plain_samples_in${local}
