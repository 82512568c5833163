-- The distinct scopes of each block.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_scopes_view TO scopes_in AS
SELECT tenant, scope_id AS id, any(scope.name) AS name, any(scope.version) AS version, any(scope.attributes) AS attributes,
    any(scope.dropped_attributes_count) AS dropped_attributes, any(scope_schema_url) AS schema_url
FROM metric_scopes_in GROUP BY tenant, id
