-- The inlet of all other remote write: one row is one sender's request, in the shape of wire/remote_write.proto; version 1.0
-- fills `timeseries` and `metadata`, version 2.0 the rest. Stores nothing itself.
CREATE TABLE IF NOT EXISTS remote_write
(
    tenant LowCardinality(String),
    batch_id UInt64,
    request_index UInt32,
    recent UInt8,
    request_bytes UInt64,
    body Tuple(
        timeseries Array(Tuple(
            labels Array(Tuple(name String, value String)), samples Array(${WrittenSample}), histograms Array(${WrittenHistogram}),
            exemplars Array(Tuple(labels Array(Tuple(name String, value String)), value Float64, timestamp Int64)))),
        metadata Array(Tuple(type Int32, metric_family_name String, help String, unit String)),
        symbols Array(String),
        symbolic_series Array(Tuple(
            labels_refs Array(UInt32), samples Array(${WrittenSample}), histograms Array(${WrittenHistogram}),
            exemplars Array(Tuple(labels_refs Array(UInt32), value Float64, timestamp Int64)),
            metadata Tuple(type Int32, help_ref UInt32, unit_ref UInt32), created_timestamp Int64)))
)
ENGINE = Null
