-- The same with its labels taken apart. `attributes` are the labels as encoded values, `level` is what they say of it
-- (empty: nothing). Stores nothing itself.
CREATE TABLE IF NOT EXISTS loki_streams
(
    tenant LowCardinality(String), batch_id UInt64, recent UInt8, bytes UInt64, service LowCardinality(String), resource_id UInt64,
    attributes Map(LowCardinality(String), String), level LowCardinality(String),
    times Array(Int64), lines Array(String), metadata Array(Map(LowCardinality(String), String))
)
ENGINE = Null
