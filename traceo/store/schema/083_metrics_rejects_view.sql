-- Points of new series of full tenants, counted for each request: those that points_in_view and distributions_in_view leave
-- out. What belongs to other tenants is not looked at.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_rejects_view TO rejects AS
SELECT tenant, 'metrics' AS signal, batch_id, request_index, sum(refused) AS items, any(received_at) AS received_at,
    concat(if(uniqExact(metric) > 1, concat(toString(uniqExact(metric)), ' metrics, such as '), ''), any(toString(metric)),
        ': a series is new, and the tenant has as many series today as it may: ', toString((SELECT any(value) FROM limits WHERE name = 'max_series')), ' (limits.max_series)') AS reason
FROM
(
    WITH
        arrayMap(pairs -> arraySum(pair -> cityHash64(pair), pairs), arrayConcat(numbers.attributes, histograms.attributes, exponential_histograms.attributes, summaries.attributes)) AS sums,
        if(type > 7, arrayMap(s -> cityHash64(identity, s), sums), arrayMap((s, kind) -> cityHash64(identity, kind = 'as_int', s), sums, arrayResize(numbers.value, length(sums)))) AS hashes
    SELECT tenant, batch_id, request_index, received_at, metric, arrayCount(hash -> cityHash64(${SeriesId(metric, hash)}, today()) NOT IN known_series, hashes) AS refused
    FROM (SELECT * FROM metrics_in${local} WHERE cityHash64(tenant, today()) IN full_tenants)
)
WHERE refused > 0
GROUP BY tenant, batch_id, request_index
