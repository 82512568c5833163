-- What each service sent.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_usage_view TO usage${local} AS
SELECT tenant, 'metrics' AS signal, service, sum(points) AS items, sum(m.bytes) AS bytes
FROM metrics_in${local} AS m GROUP BY tenant, service
