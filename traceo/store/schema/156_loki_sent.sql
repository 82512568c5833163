-- Every stream of a request as a row, as it was sent. `bytes`: its share of the request. Stores nothing itself.
CREATE TABLE IF NOT EXISTS loki_sent
(
    tenant LowCardinality(String), batch_id UInt64, recent UInt8, bytes UInt64, labels String,
    times Array(Int64), lines Array(String), metadata Array(Map(LowCardinality(String), String))
)
ENGINE = Null
