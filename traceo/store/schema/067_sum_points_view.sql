-- Points of sum metrics.
CREATE MATERIALIZED VIEW IF NOT EXISTS sum_points_view TO points_in AS
SELECT
    tenant, received_at, service, metric, unit, 7 AS type, temporality, monotonic, p.value = 'as_int' AS integer, resource_id, scope_id,
    cityHash64(identity, integer, arraySum(x -> cityHash64(x), p.attributes)) AS series_id,
    p.attributes AS attributes, p.time_unix_nano AS time_ns, p.start_time_unix_nano AS start_time_ns, p.flags AS flags,
    if(p.value = 'as_int', toFloat64(p.as_int), p.as_double) AS value, p.as_int AS integer_value,
    p.exemplars AS exemplars
FROM
(
    SELECT tenant, received_at, service, m.name AS metric, m.unit AS unit, resource_id, scope_id,
        m.sum.aggregation_temporality AS temporality, m.sum.is_monotonic AS monotonic, m.sum.data_points AS points,
        cityHash64(metric, unit, 7, temporality, monotonic, resource_id, scope_id) AS identity
    FROM metrics_in${local}
)
ARRAY JOIN points AS p
