-- What each job sent.
CREATE MATERIALIZED VIEW IF NOT EXISTS written_usage_view TO usage${local} AS
SELECT tenant, 'metrics' AS signal, toLowCardinality(labels['job']) AS service, sum(length(samples) + length(histograms)) AS items, sum(w.bytes) AS bytes
FROM written_series${local} AS w GROUP BY tenant, service
