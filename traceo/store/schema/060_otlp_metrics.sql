-- The inlet of OTLP metrics: one row is one sender's request, in the shape of wire/metrics.proto. Stores nothing itself.
-- Only two views read it: what a view costs to plan, at each insert, grows with the types of what it reads.
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
            metrics Array(${Metric}),
            schema_url LowCardinality(String))),
        schema_url LowCardinality(String))))
)
ENGINE = Null
