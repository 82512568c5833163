CREATE MATERIALIZED VIEW IF NOT EXISTS samples_view TO samples${local} AS
SELECT tenant, received_at, series_id, fromUnixTimestamp64Nano(reinterpretAsInt64(time_ns), 'UTC') AS time, value, start_time_ns,
    if(integer, integer_value - toInt64(value), 0) AS integer_rest, flags
FROM points_in
