-- Every point of a histogram, an exponential histogram or a summary as a row with its series. Stores nothing itself.
CREATE TABLE IF NOT EXISTS distributions_in
(
    tenant LowCardinality(String), received_at DateTime, service LowCardinality(String), metric LowCardinality(String), unit LowCardinality(String),
    type Int8, temporality Int8, monotonic Bool, integer Bool, resource_id UInt64, scope_id UInt64, series_id UInt64,
    attributes Array(String), time_ns UInt64, start_time_ns UInt64, flags UInt32,
    count UInt64, sum Nullable(Float64), min Nullable(Float64), max Nullable(Float64),
    bounds Array(Float64), counts Array(UInt64), scale Int32, zero_count UInt64, zero_threshold Float64,
    positive Tuple(offset Int32, bucket_counts Array(UInt64)), negative Tuple(offset Int32, bucket_counts Array(UInt64)),
    quantile_values Array(Tuple(quantile Float64, value Float64)), exemplars Array(Tuple(time_unix_nano UInt64, value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), as_double Float64, as_int Int64, span_id String, trace_id String, filtered_attributes Map(LowCardinality(String), String)))
)
ENGINE = Null
