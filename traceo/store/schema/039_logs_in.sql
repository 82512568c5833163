-- Every log record as a row, before it is known where it will rest. On a cluster this is where records part: one with a
-- trace id goes where its trace's spans go, so that a shard decides alone; the others by their resource. `rests`: it waits
-- for its trace's verdict. Stores nothing itself.
-- cluster: sharded by if(trace_id = toFixedString('', 16), toFixedString(reinterpretAsString(resource_id), 16), trace_id)
CREATE TABLE IF NOT EXISTS logs_in${local}
(
    rests Bool,
    tenant LowCardinality(String),
    received_at DateTime,
    time DateTime64(9, 'UTC'),
    observed_after_ns Int64,
    trace_id FixedString(16),
    span_id FixedString(8),
    flags UInt32,
    severity_number Int8,
    severity_text LowCardinality(String),
    service LowCardinality(String),
    event_name LowCardinality(String),
    body String,
    body_value String,
    resource_id UInt64,
    scope_id UInt64,
    attributes Map(LowCardinality(String), String),
    dropped_attributes UInt32,
    record_id UInt64
)
ENGINE = Null
