-- The distinct resources of each block.
CREATE MATERIALIZED VIEW IF NOT EXISTS logs_resources_view TO resources_in AS
SELECT tenant, id, toLowCardinality(if(startsWith(resource.attributes['service.name'], '\n'), substring(resource.attributes['service.name'], multiIf(length(resource.attributes['service.name']) < 130, 3, length(resource.attributes['service.name']) < 16387, 4, length(resource.attributes['service.name']) < 2097156, 5, 6)), 'unknown_service')) AS service, resource.attributes AS attributes,
    resource.dropped_attributes_count AS dropped_attributes, schema_url
FROM
(
    SELECT tenant, cityHash64(r, u) AS id, any(r) AS resource, any(u) AS schema_url
    FROM otlp_logs ARRAY JOIN body.resource_logs.resource AS r, body.resource_logs.schema_url AS u
    GROUP BY tenant, id
)
