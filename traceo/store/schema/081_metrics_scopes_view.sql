-- The distinct scopes of each block.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_scopes_view TO scopes_in AS
SELECT tenant, id, scope.name AS name, scope.version AS version, scope.attributes AS attributes,
    scope.dropped_attributes_count AS dropped_attributes, schema_url
FROM
(
    SELECT tenant, cityHash64(c, u) AS id, any(c) AS scope, any(u) AS schema_url
    FROM
    (
        SELECT tenant, scopes, urls
        FROM otlp_metrics ARRAY JOIN body.resource_metrics.scope_metrics.scope AS scopes, body.resource_metrics.scope_metrics.schema_url AS urls
    )
    ARRAY JOIN scopes AS c, urls AS u
    GROUP BY tenant, id
)
