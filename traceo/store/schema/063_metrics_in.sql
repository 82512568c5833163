-- Every metric (a name with its points) as a row; it has points of one kind. On a cluster this is where metrics part by
-- name and resource, and with them their series. `identity` is a hash of all that identifies a series but its attributes
-- and its number type. Stores nothing itself.
-- cluster: sharded by metric, resource_id
CREATE TABLE IF NOT EXISTS metrics_in${local}
(
    tenant LowCardinality(String), batch_id UInt64, request_index UInt32, received_at DateTime, service LowCardinality(String), resource_id UInt64, scope_id UInt64, target LowCardinality(String), has_info Bool,
    metric LowCardinality(String), description String, unit LowCardinality(String), metadata Map(LowCardinality(String), String),
    type Int8, temporality Int8, monotonic Bool, identity UInt64, points UInt64, bytes UInt64,
    numbers Array(${NumberPoint}), histograms Array(${HistogramPoint}), exponential_histograms Array(${ExponentialPoint}), summaries Array(${SummaryPoint})
)
ENGINE = Null
