-- Version 2.0: metadata comes with each series; those of a histogram or a summary are of one metric.
CREATE MATERIALIZED VIEW IF NOT EXISTS series_metadata_view TO metric_metadata${local} AS
SELECT tenant, 
    multiIf(metadata_type IN (3, 4), replaceRegexpOne(w.metric, '_(bucket|sum|count)$$', ''), metadata_type = 5, replaceRegexpOne(w.metric, '_(sum|count)$$', ''), w.metric) AS metric, any(100 + metadata_type) AS type, any(w.unit) AS unit, any(help) AS description
FROM written_series${local} AS w
WHERE metadata_type BETWEEN 1 AND 7
GROUP BY tenant, metric
