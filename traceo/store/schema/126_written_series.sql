-- Series that are not refused. Stores nothing itself.
-- cluster: sharded by series_id
CREATE TABLE IF NOT EXISTS written_series${local}
(
    tenant LowCardinality(String), received_at DateTime, bytes UInt64, metric LowCardinality(String), series_id UInt64, labels Map(LowCardinality(String), String),
    samples Array(${WrittenSample}), histograms Array(${WrittenHistogram}), created_ms Int64,
    exemplar_names Array(Array(String)), exemplar_values Array(Array(String)), exemplars Array(Tuple(value Float64, timestamp Int64)),
    metadata_type Int32, help String, unit String
)
ENGINE = Null
