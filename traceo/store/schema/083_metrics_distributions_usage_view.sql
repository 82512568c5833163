-- The points of each service that are distributions.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_distributions_usage_view TO usage${local} AS
SELECT tenant, 'metrics' AS signal, service, count() AS items, toUInt64(0) AS bytes
FROM distributions_in
GROUP BY tenant, service
