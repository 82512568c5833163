-- What came by remote write, under no service, as in plain_usage_view.
CREATE MATERIALIZED VIEW IF NOT EXISTS written_usage_view TO usage${local} AS
SELECT tenant, 'metrics' AS signal, sum(length(samples) + length(histograms)) AS items, sum(w.bytes) AS bytes,
    min(if(empty(samples) AND empty(histograms), 9223372036854775807, arrayMin(arrayConcat(samples.timestamp, histograms.timestamp)))) AS oldest_ms
FROM written_series${local} AS w GROUP BY tenant
