-- What each metric says of itself, once for each block.
CREATE MATERIALIZED VIEW IF NOT EXISTS metric_metadata_view TO metric_metadata${local} AS
SELECT tenant, m.name AS metric, service,
    any(multiIf(notEmpty(m.gauge.data_points), 5, notEmpty(m.sum.data_points), 7, notEmpty(m.histogram.data_points), 9,
        notEmpty(m.exponential_histogram.data_points), 10, 11)) AS type,
    any(m.unit) AS unit, any(m.description) AS description, any(m.metadata) AS metadata
FROM metrics_in${local}
GROUP BY tenant, metric, service
