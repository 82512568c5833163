-- A double that is a whole number is `whole`, too, but minus zero, whose sign an integer would lose.
CREATE MATERIALIZED VIEW IF NOT EXISTS samples_view TO samples${local} AS
SELECT tenant, received_at, series_id, fromUnixTimestamp64Nano(reinterpretAsInt64(time_ns), 'UTC') AS time,
    if(integer, integer_value, accurateCastOrDefault(double, 'Int64')) AS whole, if(whole = 0, double, 0) AS fractional,
    start_time_ns, flags
FROM points_in
