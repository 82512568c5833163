-- Every point of a histogram, an exponential histogram or a summary as a row with its series. Stores nothing itself.
CREATE TABLE IF NOT EXISTS distributions_in
(
    tenant LowCardinality(String), received_at DateTime, service LowCardinality(String), metric LowCardinality(String), unit LowCardinality(String),
    type Int8, temporality Int8, monotonic Bool, resource_id UInt64, scope_id UInt64, target LowCardinality(String), series_id UInt64,
    attributes Array(String), time_ns UInt64, start_time_ns UInt64, flags UInt32,
    count UInt64, sum Nullable(Float64), min Nullable(Float64), max Nullable(Float64),
    bounds Array(Float64), counts Array(UInt64), scale Int32, zero_count UInt64, zero_threshold Float64,
    positive_offset Int32, positive_counts Array(UInt64), negative_offset Int32, negative_counts Array(UInt64),
    quantiles Array(Float64), quantile_values Array(Float64), exemplars Array(${Exemplar})
)
ENGINE = Null
