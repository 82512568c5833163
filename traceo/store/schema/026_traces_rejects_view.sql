-- Spans without a valid trace id (16 bytes, not all zero) or span id (8 bytes), counted for each request.
CREATE MATERIALIZED VIEW IF NOT EXISTS traces_rejects_view TO rejects AS
SELECT tenant, 'traces' AS signal, batch_id, request_index, items, toDateTime(intDiv(bitShiftRight(batch_id, 22), 1000)) AS received_at,
    'trace_id must be 16 bytes and span_id 8 bytes, neither all zero' AS reason
FROM
(
    SELECT tenant, batch_id, request_index,
        arrayCount(id -> length(id) != 16 OR id = unhex('00000000000000000000000000000000'), trace_ids) AS bad_trace_ids,
        arrayCount((id, span_id) -> (length(id) = 16 AND id != unhex('00000000000000000000000000000000'))
            AND (length(span_id) != 8 OR span_id = unhex('0000000000000000')), trace_ids, span_ids) AS bad_span_ids,
        bad_trace_ids + bad_span_ids AS items
    FROM
    (
        SELECT tenant, batch_id, request_index,
            arrayFlatten(body.resource_spans.scope_spans.spans.trace_id) AS trace_ids,
            arrayFlatten(body.resource_spans.scope_spans.spans.span_id) AS span_ids
        FROM otlp_traces
    )
)
WHERE items > 0
