-- Points of gauges and sums. A series is the same in whatever order its attributes come: their hashes are
-- summed. New series of a full tenant are left out here, and counted by metrics_rejects_view.
CREATE MATERIALIZED VIEW IF NOT EXISTS points_in_view TO points_in AS
WITH cityHash64(identity, integer, arraySum(x -> cityHash64(x), attributes)) AS hash
SELECT tenant, received_at, service, metric, unit, type, temporality, monotonic, kind = 'as_int' AS integer, resource_id, scope_id, target,
    ${SeriesId(metric, hash)} AS series_id, attributes, time_ns, start_time_ns, flags,
    double, integer_value, exemplars
FROM metrics_in${local}
ARRAY JOIN
    numbers.attributes AS attributes, numbers.time_unix_nano AS time_ns, numbers.start_time_unix_nano AS start_time_ns, numbers.flags AS flags,
    numbers.value AS kind, numbers.as_int AS integer_value, numbers.as_double AS double, numbers.exemplars AS exemplars
WHERE NOT (cityHash64(tenant, today()) IN full_tenants AND cityHash64(series_id, today()) NOT IN known_series)
