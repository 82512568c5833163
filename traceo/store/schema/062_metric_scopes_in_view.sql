-- Flattens requests to scopes.
CREATE MATERIALIZED VIEW IF NOT EXISTS metric_scopes_in_view TO metric_scopes_in AS
SELECT tenant, toLowCardinality(if(startsWith(encoded, '\n'), substring(encoded, multiIf(length(encoded) < 130, 3, length(encoded) < 16387, 4, length(encoded) < 2097156, 5, 6)), 'unknown_service')) AS service, resource_id, resource, resource_schema_url, cityHash64(scope, scope_schema_url) AS scope_id, scope, scope_schema_url
FROM
(
    SELECT tenant, resource.attributes['service.name'] AS encoded, resource, resource_schema_url, cityHash64(resource, resource_schema_url) AS resource_id, scopes, scope_schema_urls
    FROM otlp_metrics
    ARRAY JOIN
        body.resource_metrics.resource AS resource, body.resource_metrics.schema_url AS resource_schema_url,
        body.resource_metrics.scope_metrics.scope AS scopes, body.resource_metrics.scope_metrics.schema_url AS scope_schema_urls
)
ARRAY JOIN scopes AS scope, scope_schema_urls AS scope_schema_url
