-- Items of refused series, counted for each request.
CREATE MATERIALIZED VIEW IF NOT EXISTS written_rejects_view TO rejects AS
SELECT tenant, signal, batch_id, request_index, sum(refused) AS items, any(received_at) AS received_at, any(problem) AS reason
FROM judged_series
ARRAY JOIN ['samples', 'histograms', 'exemplars'] AS signal, [length(samples), length(histograms), length(exemplars)] AS refused
WHERE problem != '' AND refused > 0
GROUP BY tenant, signal, batch_id, request_index
