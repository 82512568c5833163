-- The distinct streams of each block: their labels are what OpenTelemetry calls a resource.
CREATE MATERIALIZED VIEW IF NOT EXISTS loki_resources_view TO resources_in AS
SELECT tenant, resource_id AS id, any(service) AS service, any(attributes) AS attributes, toUInt32(0) AS dropped_attributes, 'loki:stream' AS schema_url
FROM loki_streams GROUP BY tenant, id
