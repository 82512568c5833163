-- Flattens requests to metrics.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_in_view TO metrics_in AS
SELECT tenant, received_at, service, resource_id, scope_id, m
FROM
(
    SELECT tenant, received_at, service, resource_id, cityHash64(sm.scope, sm.schema_url) AS scope_id, sm.metrics AS metrics
    FROM
    (
        SELECT tenant, toDateTime(intDiv(bitShiftRight(batch_id, 22), 1000)) AS received_at, toLowCardinality(if(startsWith(rm.resource.attributes['service.name'], '\n'), substring(rm.resource.attributes['service.name'], multiIf(length(rm.resource.attributes['service.name']) < 130, 3, length(rm.resource.attributes['service.name']) < 16387, 4, length(rm.resource.attributes['service.name']) < 2097156, 5, 6)), 'unknown_service')) AS service,
            cityHash64(rm.resource, rm.schema_url) AS resource_id, rm.scope_metrics AS scope_metrics
        FROM otlp_metrics ARRAY JOIN body.resource_metrics AS rm
    )
    ARRAY JOIN scope_metrics AS sm
)
ARRAY JOIN metrics AS m
