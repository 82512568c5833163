-- The inlet of OTLP traces: one row is one sender's request, in the shape of wire/traces.proto. Stores nothing itself.
CREATE TABLE IF NOT EXISTS otlp_traces
(
    tenant LowCardinality(String),
    batch_id UInt64,
    request_index UInt32,
    recent UInt8,
    keep UInt8,
    request_bytes UInt64,
    body Tuple(resource_spans Array(Tuple(
        resource Tuple(attributes Map(LowCardinality(String), String), dropped_attributes_count UInt32),
        scope_spans Array(Tuple(
            scope Tuple(name LowCardinality(String), version LowCardinality(String), attributes Map(LowCardinality(String), String), dropped_attributes_count UInt32),
            spans Array(Tuple(
                trace_id String, span_id String, trace_state String, parent_span_id String,
                name LowCardinality(String), kind Int8, start_time_unix_nano UInt64, end_time_unix_nano UInt64,
                attributes Map(LowCardinality(String), String), dropped_attributes_count UInt32,
                events Array(Tuple(time_unix_nano UInt64, name LowCardinality(String), attributes Map(LowCardinality(String), String), dropped_attributes_count UInt32)),
                dropped_events_count UInt32,
                links Array(Tuple(trace_id String, span_id String, trace_state String, attributes Map(LowCardinality(String), String), dropped_attributes_count UInt32, flags UInt32)),
                dropped_links_count UInt32,
                status Tuple(message String, code Int8), flags UInt32)),
            schema_url LowCardinality(String))),
        schema_url LowCardinality(String))))
)
ENGINE = Null
