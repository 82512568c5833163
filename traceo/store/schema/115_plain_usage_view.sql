-- What came by remote write, under no service: to find the job of each series would cost as much again as all else here.
-- How much each job sends can be asked of `samples` and `label_sets`.
CREATE MATERIALIZED VIEW IF NOT EXISTS plain_usage_view TO usage AS
SELECT tenant, 'metrics' AS signal, sum(length(body.times_ms) + length(body.known_ids)) AS items, sum(body.sent_bytes) AS bytes,
    min(arrayMin(arrayConcat(body.times_ms, body.known_times_ms))) AS oldest_ms
FROM plain_write GROUP BY tenant
