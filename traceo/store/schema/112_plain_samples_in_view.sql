CREATE MATERIALIZED VIEW IF NOT EXISTS plain_samples_in_view TO plain_samples_in AS
WITH substring(encoded, 1, label_bytes) AS text, ${EncodedName(text)} AS name, cityHash64(tenant, text) AS hash
SELECT tenant, toDateTime(intDiv(bitShiftRight(batch_id, 22), 1000)) AS received_at,
    ${SeriesId(name, hash)} AS series_id, encoded, label_bytes, time_ms, value
FROM plain_write
ARRAY JOIN body.series AS encoded, body.times_ms AS time_ms, body.values AS value, body.label_bytes AS label_bytes
