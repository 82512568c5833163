-- What each job sent; the job's name where it has less than 128 bytes.
CREATE MATERIALIZED VIEW IF NOT EXISTS plain_usage_view TO usage${local} AS
SELECT tenant, 'metrics' AS signal, toLowCardinality(if(at = 0 OR ascii(substring(encoded, at + 6)) > 127, '', substring(encoded, at + 7, ascii(substring(encoded, at + 6))))) AS service,
    count() AS items, sum(length(encoded)) AS bytes
FROM (SELECT tenant, encoded, position(encoded, '\n\x03job\x12') AS at FROM plain_samples_in${local})
GROUP BY tenant, service
