-- The distinct scopes of each block, on their way to the shard that keeps them. Stores nothing itself.
-- cluster: sharded by id
CREATE TABLE IF NOT EXISTS scopes_in${local}
(
    tenant LowCardinality(String), id UInt64, name LowCardinality(String), version LowCardinality(String), attributes Map(LowCardinality(String), String), dropped_attributes UInt32, schema_url LowCardinality(String)
)
ENGINE = Null
