-- Every sample of plain requests as a row. `encoded` begins with `label_bytes` of labels, in order of their names: what a
-- series' id is the hash of; nothing where they are stored already. Stores nothing itself.
-- cluster: sharded by series_id
CREATE TABLE IF NOT EXISTS plain_samples_in${local}
(
    tenant LowCardinality(String), received_at DateTime, series_id UInt64, encoded String, label_bytes UInt32, time_ms Int64, value Float64
)
ENGINE = Null
