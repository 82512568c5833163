-- The points of each service.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_usage_view TO usage${local} AS
SELECT tenant, 'metrics' AS signal, service, count() AS items, toUInt64(0) AS bytes
FROM points_in
GROUP BY tenant, service
