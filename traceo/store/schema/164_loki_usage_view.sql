-- What each service sent.
CREATE MATERIALIZED VIEW IF NOT EXISTS loki_usage_view TO usage AS
SELECT tenant, 'logs' AS signal, service, sum(length(lines)) AS items, sum(s.bytes) AS bytes
FROM loki_streams AS s GROUP BY tenant, service
