-- Samples of series whose labels are stored: the receiver sends their ids alone.
CREATE MATERIALIZED VIEW IF NOT EXISTS plain_known_samples_view TO plain_samples_in AS
SELECT tenant, toDateTime(intDiv(bitShiftRight(batch_id, 22), 1000)) AS received_at, series_id, time_ms, value
FROM plain_write
ARRAY JOIN body.known_ids AS series_id, body.known_times_ms AS time_ms, body.known_values AS value
