-- The bytes of each service: a request's bytes are shared out by the metrics of each resource.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_usage_bytes_view TO usage AS
SELECT tenant, 'metrics' AS signal, service, toUInt64(0) AS items, toUInt64(sum(request_bytes * n / greatest(total, 1))) AS bytes
FROM
(
    SELECT tenant, request_bytes, toLowCardinality(if(startsWith(r.attributes['service.name'], '\n'), substring(r.attributes['service.name'], multiIf(length(r.attributes['service.name']) < 130, 3, length(r.attributes['service.name']) < 16387, 4, length(r.attributes['service.name']) < 2097156, 5, 6)), 'unknown_service')) AS service, n, total
    FROM
    (
        SELECT tenant, request_bytes, body.resource_metrics.resource AS resources,
            arrayMap(x -> arraySum(y -> length(y), x), body.resource_metrics.scope_metrics.metrics.name) AS counts,
            arraySum(counts) AS total
        FROM otlp_metrics
    )
    ARRAY JOIN resources AS r, counts AS n
)
GROUP BY tenant, service
