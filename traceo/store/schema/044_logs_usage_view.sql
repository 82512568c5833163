-- What each service sent; a request's bytes are shared out by its items.
CREATE MATERIALIZED VIEW IF NOT EXISTS logs_usage_view TO usage AS
SELECT tenant, 'logs' AS signal, service, sum(n) AS items, toUInt64(sum(request_bytes * n / greatest(total, 1))) AS bytes
FROM
(
    SELECT tenant, request_bytes, toLowCardinality(if(startsWith(r.attributes['service.name'], '\n'), substring(r.attributes['service.name'], multiIf(length(r.attributes['service.name']) < 130, 3, length(r.attributes['service.name']) < 16387, 4, length(r.attributes['service.name']) < 2097156, 5, 6)), 'unknown_service')) AS service, n, total
    FROM
    (
        SELECT tenant, request_bytes, body.resource_logs.resource AS resources,
            arrayMap(x -> arraySum(y -> length(y), x), body.resource_logs.scope_logs.log_records.flags) AS counts, arraySum(counts) AS total
        FROM otlp_logs
    )
    ARRAY JOIN resources AS r, counts AS n
)
GROUP BY tenant, service
