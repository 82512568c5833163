-- Every series of a request as a row, its labels in order of their names and without those that are empty, which Prometheus
-- takes for absent. `encoded`: the labels as protobuf, of which the series' id is the hash, as in plain_samples_in.
-- `problem`: why it is refused. Stores nothing itself.
CREATE TABLE IF NOT EXISTS judged_series
(
    tenant LowCardinality(String), received_at DateTime, batch_id UInt64, request_index UInt32, bytes UInt64,
    metric String, series_id UInt64, names Array(String), values Array(String),
    samples Array(${WrittenSample}), histograms Array(${WrittenHistogram}), created_ms Int64,
    exemplar_names Array(Array(String)), exemplar_values Array(Array(String)), exemplars Array(Tuple(value Float64, timestamp Int64)),
    problem String, metadata_type Int32, help String, unit String
)
ENGINE = Null
