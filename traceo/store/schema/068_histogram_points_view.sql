-- Points of histogram metrics.
CREATE MATERIALIZED VIEW IF NOT EXISTS histogram_points_view TO distributions_in AS
SELECT
    tenant, received_at, service, metric, unit, 9 AS type, temporality, monotonic, false AS integer, resource_id, scope_id,
    cityHash64(identity, arraySum(x -> cityHash64(x), p.attributes)) AS series_id,
    p.attributes AS attributes, p.time_unix_nano AS time_ns, p.start_time_unix_nano AS start_time_ns, p.flags AS flags,
    p.count AS count, p.sum AS sum, p.min AS min, p.max AS max, p.explicit_bounds AS bounds, p.bucket_counts AS counts,
    p.exemplars AS exemplars
FROM
(
    SELECT tenant, received_at, service, m.name AS metric, m.unit AS unit, resource_id, scope_id,
        m.histogram.aggregation_temporality AS temporality, true AS monotonic, m.histogram.data_points AS points,
        cityHash64(metric, unit, 9, temporality, monotonic, resource_id, scope_id) AS identity
    FROM metrics_in${local}
)
ARRAY JOIN points AS p
