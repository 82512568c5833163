-- What each service sent.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_usage_view TO usage${local} AS
SELECT tenant, 'metrics' AS signal, service, sum(points) AS items, sum(m.bytes) AS bytes,
    min(if(points = 0, 9223372036854775807, toInt64(intDiv(arrayMin(arrayConcat(numbers.time_unix_nano, histograms.time_unix_nano, exponential_histograms.time_unix_nano, summaries.time_unix_nano)), 1000000)))) AS oldest_ms
FROM metrics_in${local} AS m GROUP BY tenant, service
