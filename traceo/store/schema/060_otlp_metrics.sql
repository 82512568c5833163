-- The inlet of OTLP metrics: one row is one sender's request, in the shape of wire/metrics.proto. Stores nothing itself.
CREATE TABLE IF NOT EXISTS otlp_metrics
(
    tenant LowCardinality(String),
    batch_id UInt64,
    request_index UInt32,
    recent UInt8,
    request_bytes UInt64,
    body Tuple(resource_metrics Array(Tuple(
        resource Tuple(attributes Map(LowCardinality(String), String), dropped_attributes_count UInt32),
        scope_metrics Array(Tuple(
            scope Tuple(name LowCardinality(String), version LowCardinality(String), attributes Map(LowCardinality(String), String), dropped_attributes_count UInt32),
            metrics Array(Tuple(
                name LowCardinality(String), description String, unit LowCardinality(String), metadata Map(LowCardinality(String), String),
                gauge Tuple(data_points Array(Tuple(start_time_unix_nano UInt64, time_unix_nano UInt64, value Enum8('none' = 0, 'as_double' = 4, 'as_int' = 6), as_double Float64, as_int Int64, exemplars Array(Tuple(time_unix_nano UInt64, value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), as_double Float64, as_int Int64, span_id String, trace_id String, filtered_attributes Map(LowCardinality(String), String))), attributes Array(String), flags UInt32))),
                sum Tuple(data_points Array(Tuple(start_time_unix_nano UInt64, time_unix_nano UInt64, value Enum8('none' = 0, 'as_double' = 4, 'as_int' = 6), as_double Float64, as_int Int64, exemplars Array(Tuple(time_unix_nano UInt64, value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), as_double Float64, as_int Int64, span_id String, trace_id String, filtered_attributes Map(LowCardinality(String), String))), attributes Array(String), flags UInt32)), aggregation_temporality Int8, is_monotonic Bool),
                histogram Tuple(data_points Array(Tuple(start_time_unix_nano UInt64, time_unix_nano UInt64, count UInt64, sum Nullable(Float64), min Nullable(Float64), max Nullable(Float64), bucket_counts Array(UInt64), explicit_bounds Array(Float64), exemplars Array(Tuple(time_unix_nano UInt64, value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), as_double Float64, as_int Int64, span_id String, trace_id String, filtered_attributes Map(LowCardinality(String), String))), attributes Array(String), flags UInt32)), aggregation_temporality Int8),
                exponential_histogram Tuple(data_points Array(Tuple(start_time_unix_nano UInt64, time_unix_nano UInt64, count UInt64, sum Nullable(Float64), min Nullable(Float64), max Nullable(Float64), scale Int32, zero_count UInt64, zero_threshold Float64, positive Tuple(offset Int32, bucket_counts Array(UInt64)), negative Tuple(offset Int32, bucket_counts Array(UInt64)), exemplars Array(Tuple(time_unix_nano UInt64, value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), as_double Float64, as_int Int64, span_id String, trace_id String, filtered_attributes Map(LowCardinality(String), String))), attributes Array(String), flags UInt32)), aggregation_temporality Int8),
                summary Tuple(data_points Array(Tuple(start_time_unix_nano UInt64, time_unix_nano UInt64, count UInt64, sum Float64, quantile_values Array(Tuple(quantile Float64, value Float64)), attributes Array(String), flags UInt32))))),
            schema_url LowCardinality(String))),
        schema_url LowCardinality(String))))
)
ENGINE = Null
