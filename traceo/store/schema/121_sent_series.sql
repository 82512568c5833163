-- Every series of a request as a row, its labels as they were sent. `created_ms`: when it began (0: not said). `bad_refs`:
-- it refers to symbols that the request does not have. `metadata_type` is Prometheus' number. Stores nothing itself.
CREATE TABLE IF NOT EXISTS sent_series
(
    tenant LowCardinality(String), batch_id UInt64, request_index UInt32, bytes UInt64, names Array(String), values Array(String),
    samples Array(${WrittenSample}), histograms Array(${WrittenHistogram}), created_ms Int64,
    exemplar_names Array(Array(String)), exemplar_values Array(Array(String)), exemplars Array(Tuple(value Float64, timestamp Int64)),
    bad_refs Bool, metadata_type Int32, help String, unit String
)
ENGINE = Null
