-- Every valid span as a row, before it is known where it will rest. On a cluster this
-- is where spans part by trace: all that follows happens on the shard that keeps the trace. Stores nothing itself.
-- cluster: sharded by trace_id
CREATE TABLE IF NOT EXISTS spans_in${local}
(
    recent UInt8,
    keep UInt8,
    received_at DateTime,
    tenant LowCardinality(String),
    trace_id FixedString(16),
    span_id FixedString(8),
    parent_span_id FixedString(8),
    trace_state String,
    flags UInt32,
    service LowCardinality(String),
    name LowCardinality(String),
    kind Int8,
    start_time DateTime64(9, 'UTC'),
    duration_ns Int64,
    status_code Int8,
    status_message String,
    resource_id UInt64,
    scope_id UInt64,
    attributes Map(LowCardinality(String), String),
    dropped Array(UInt32),
    `events.time_ns` Array(UInt64),
    `events.name` Array(LowCardinality(String)),
    `events.attributes` Array(Map(LowCardinality(String), String)),
    `events.dropped_attributes` Array(UInt32),
    `links.trace_id` Array(String),
    `links.span_id` Array(String),
    `links.trace_state` Array(String),
    `links.attributes` Array(Map(LowCardinality(String), String)),
    `links.dropped_attributes` Array(UInt32),
    `links.flags` Array(UInt32)
)
ENGINE = Null
