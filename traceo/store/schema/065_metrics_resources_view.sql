-- The distinct resources of each block.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_resources_view TO resources_in AS
SELECT tenant, resource_id AS id, any(service) AS service, any(resource.attributes) AS attributes,
    any(resource.dropped_attributes_count) AS dropped_attributes, any(resource_schema_url) AS schema_url
FROM metric_scopes_in GROUP BY tenant, id
