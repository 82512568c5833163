-- The distinct resources of each block, on their way to the shard that keeps them. Stores nothing itself.
-- cluster: sharded by id
CREATE TABLE IF NOT EXISTS resources_in${local}
(
    tenant LowCardinality(String), id UInt64, service LowCardinality(String), attributes Map(LowCardinality(String), String), dropped_attributes UInt32, schema_url LowCardinality(String)
)
ENGINE = Null
