-- What the receiver did not take of requests whose rest it took.
CREATE MATERIALIZED VIEW IF NOT EXISTS loki_rejects_view TO rejects AS
SELECT tenant, 'logs' AS signal, batch_id, request_index, r.items AS items, toLowCardinality(r.reason) AS reason,
    toDateTime(intDiv(bitShiftRight(batch_id, 22), 1000)) AS received_at
FROM loki ARRAY JOIN body.refusals AS r
