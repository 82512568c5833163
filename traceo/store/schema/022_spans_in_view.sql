-- Flattens requests to spans: what is the same for a resource or a scope is computed once for it, before the spans are
-- joined. Spans without valid ids are left to `rejects` (OTLP: "partial success"). A parent that is no 8 bytes is none.
CREATE MATERIALIZED VIEW IF NOT EXISTS spans_in_view TO spans_in AS
SELECT
    tenant, recent, keep, received_at,
    toFixedString(s.trace_id, 16) AS trace_id, toFixedString(s.span_id, 8) AS span_id,
    toFixedString(if(length(s.parent_span_id) = 8, s.parent_span_id, ''), 8) AS parent_span_id,
    s.trace_state AS trace_state, s.flags AS flags, service, s.name AS name, s.kind AS kind,
    fromUnixTimestamp64Nano(reinterpretAsInt64(s.start_time_unix_nano), 'UTC') AS start_time,
    reinterpretAsInt64(s.end_time_unix_nano - s.start_time_unix_nano) AS duration_ns,
    s.status.code AS status_code, s.status.message AS status_message, resource_id, scope_id,
    s.attributes AS attributes,
    if(s.dropped_attributes_count + s.dropped_events_count + s.dropped_links_count = 0, [],
       [s.dropped_attributes_count, s.dropped_events_count, s.dropped_links_count]) AS dropped,
    s.events.time_unix_nano AS `events.time_ns`, s.events.name AS `events.name`,
    s.events.attributes AS `events.attributes`, s.events.dropped_attributes_count AS `events.dropped_attributes`,
    s.links.trace_id AS `links.trace_id`, s.links.span_id AS `links.span_id`, s.links.trace_state AS `links.trace_state`,
    s.links.attributes AS `links.attributes`, s.links.dropped_attributes_count AS `links.dropped_attributes`,
    s.links.flags AS `links.flags`
FROM
(
    SELECT tenant, recent, keep, received_at, service, resource_id, cityHash64(ss.scope, ss.schema_url) AS scope_id, ss.spans AS spans
    FROM
    (
        SELECT tenant, recent, keep, toDateTime(intDiv(bitShiftRight(batch_id, 22), 1000)) AS received_at, toLowCardinality(if(startsWith(rs.resource.attributes['service.name'], '\n'), substring(rs.resource.attributes['service.name'], multiIf(length(rs.resource.attributes['service.name']) < 130, 3, length(rs.resource.attributes['service.name']) < 16387, 4, length(rs.resource.attributes['service.name']) < 2097156, 5, 6)), 'unknown_service')) AS service,
            cityHash64(rs.resource, rs.schema_url) AS resource_id, rs.scope_spans AS scope_spans
        FROM otlp_traces ARRAY JOIN body.resource_spans AS rs
    )
    ARRAY JOIN scope_spans AS ss
)
ARRAY JOIN spans AS s
WHERE length(s.trace_id) = 16 AND length(s.span_id) = 8 AND s.trace_id != unhex('00000000000000000000000000000000') AND s.span_id != unhex('0000000000000000')
