-- Every point of a gauge or a sum as a row with its series. Stores nothing itself. Kept apart from distributions, because
-- each column that a point does not have would be filled with defaults.
CREATE TABLE IF NOT EXISTS points_in
(
    tenant LowCardinality(String), received_at DateTime, service LowCardinality(String), metric LowCardinality(String), unit LowCardinality(String),
    type Int8, temporality Int8, monotonic Bool, integer Bool, resource_id UInt64, scope_id UInt64, target LowCardinality(String), series_id UInt64,
    attributes Array(String), time_ns UInt64, start_time_ns UInt64, flags UInt32,
    double Float64, integer_value Int64, exemplars Array(${Exemplar})
)
ENGINE = Null
