-- Flattens requests to log records. Ids of a wrong length are none (OTLP: such a record is still a record). A record
-- without a time of its own is placed at the time of its observation, or of its arrival. An empty text keeps its encoding,
-- which tells it from no body at all.
-- What may rest: records of a trace, below WARN by their number. Without a number the text has to say so, in one of
-- OpenTelemetry's names; of anything else nobody knows that it is no warning.
CREATE MATERIALIZED VIEW IF NOT EXISTS logs_in_view TO logs_in AS
SELECT
    recent = 1 AND trace_id != toFixedString('', 16) AND (severity_number BETWEEN 1 AND 12
        OR severity_number = 0 AND match(severity_text, '(?i)^(trace|debug|info)[1-4]?$$')) AS rests,
    tenant, received_at,
    fromUnixTimestamp64Nano(reinterpretAsInt64(multiIf(l.time_unix_nano != 0, l.time_unix_nano,
        l.observed_time_unix_nano != 0, l.observed_time_unix_nano, toUInt64(toUnixTimestamp64Nano(now64(9))))), 'UTC') AS time,
    reinterpretAsInt64(l.observed_time_unix_nano - if(l.time_unix_nano != 0, l.time_unix_nano, l.observed_time_unix_nano)) AS observed_after_ns,
    toFixedString(if(length(l.trace_id) = 16, l.trace_id, ''), 16) AS trace_id,
    toFixedString(if(length(l.span_id) = 8, l.span_id, ''), 8) AS span_id,
    l.flags AS flags, l.severity_number AS severity_number, l.severity_text AS severity_text, service, l.event_name AS event_name,
    if(startsWith(l.body, '\n'), substring(l.body, multiIf(length(l.body) < 130, 3, length(l.body) < 16387, 4, length(l.body) < 2097156, 5, 6)), '') AS body,
    if(startsWith(l.body, '\n') AND length(l.body) > 2, '', l.body) AS body_value,
    resource_id, scope_id, l.attributes AS attributes, l.dropped_attributes_count AS dropped_attributes,
    if(rests, cityHash64(batch_id, rowNumberInAllBlocks()), 0) AS record_id
FROM
(
    SELECT tenant, batch_id, recent, received_at, service, resource_id, cityHash64(sl.scope, sl.schema_url) AS scope_id, sl.log_records AS log_records
    FROM
    (
        SELECT tenant, batch_id, recent, toDateTime(intDiv(bitShiftRight(batch_id, 22), 1000)) AS received_at, toLowCardinality(if(startsWith(rl.resource.attributes['service.name'], '\n'), substring(rl.resource.attributes['service.name'], multiIf(length(rl.resource.attributes['service.name']) < 130, 3, length(rl.resource.attributes['service.name']) < 16387, 4, length(rl.resource.attributes['service.name']) < 2097156, 5, 6)), 'unknown_service')) AS service,
            cityHash64(rl.resource, rl.schema_url) AS resource_id, rl.scope_logs AS scope_logs
        FROM otlp_logs ARRAY JOIN body.resource_logs AS rl
    )
    ARRAY JOIN scope_logs AS sl
)
ARRAY JOIN log_records AS l
