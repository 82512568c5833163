-- Every scope of every resource of a request as a row, without its metrics. Stores nothing itself.
CREATE TABLE IF NOT EXISTS metric_scopes_in
(
    tenant LowCardinality(String), service LowCardinality(String),
    resource_id UInt64, resource Tuple(attributes Map(LowCardinality(String), String), dropped_attributes_count UInt32), resource_schema_url LowCardinality(String),
    scope_id UInt64, scope Tuple(name LowCardinality(String), version LowCardinality(String), attributes Map(LowCardinality(String), String), dropped_attributes_count UInt32), scope_schema_url LowCardinality(String)
)
ENGINE = Null
