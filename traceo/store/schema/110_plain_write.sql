-- The inlet of remote write where every series has one sample and nothing else: one row is one sender's request, in the
-- shape of wire/plain_write.proto. The receiver has found it valid. Stores nothing itself.
CREATE TABLE IF NOT EXISTS plain_write
(
    tenant LowCardinality(String),
    batch_id UInt64,
    request_index UInt32,
    recent UInt8,
    request_bytes UInt64,
    body Tuple(series Array(String), times_ms Array(Int64), values Array(Float64), label_bytes Array(UInt32), known_ids Array(UInt64), known_times_ms Array(Int64), known_values Array(Float64), sent_bytes UInt32)
)
ENGINE = Null
