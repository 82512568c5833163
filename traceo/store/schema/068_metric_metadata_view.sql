-- What each metric says of itself, once for each block.
CREATE MATERIALIZED VIEW IF NOT EXISTS metric_metadata_view TO metric_metadata${local} AS
SELECT tenant, metric, service, any(type) AS type, any(unit) AS unit, any(description) AS description, any(metadata) AS metadata
FROM metrics_in${local} GROUP BY tenant, metric, service
