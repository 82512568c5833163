-- The inlet of OTLP logs: one row is one sender's request, in the shape of wire/logs.proto. Stores nothing itself.
CREATE TABLE IF NOT EXISTS otlp_logs
(
    tenant LowCardinality(String),
    batch_id UInt64,
    request_index UInt32,
    recent UInt8,
    request_bytes UInt64,
    body Tuple(resource_logs Array(Tuple(
        resource Tuple(attributes Map(LowCardinality(String), String), dropped_attributes_count UInt32),
        scope_logs Array(Tuple(
            scope Tuple(name LowCardinality(String), version LowCardinality(String), attributes Map(LowCardinality(String), String), dropped_attributes_count UInt32),
            log_records Array(Tuple(
                time_unix_nano UInt64, observed_time_unix_nano UInt64, severity_number Int8, severity_text LowCardinality(String),
                body String, attributes Map(LowCardinality(String), String), dropped_attributes_count UInt32, flags UInt32, trace_id String, span_id String,
                event_name LowCardinality(String))),
            schema_url LowCardinality(String))),
        schema_url LowCardinality(String))))
)
ENGINE = Null
