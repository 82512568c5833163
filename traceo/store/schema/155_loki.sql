-- The inlet of Loki's push: one row is one sender's request, in the shape of wire/loki.proto. Stores nothing itself.
CREATE TABLE IF NOT EXISTS loki
(
    tenant LowCardinality(String),
    batch_id UInt64,
    request_index UInt32,
    recent UInt8,
    request_bytes UInt64,
    body Tuple(
        streams Array(Tuple(
            labels String,
            entries Array(Tuple(timestamp Tuple(seconds Int64, nanos Int32), line String, structured_metadata Map(LowCardinality(String), String))))),
        columns Array(Tuple(labels String, times Array(Int64), lines Array(String), metadata Array(String))),
        refusals Array(Tuple(items UInt32, reason String)))
)
ENGINE = Null
