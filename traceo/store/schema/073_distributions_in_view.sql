-- Points of distributions. A metric has points of one kind: what only another kind has is filled with defaults. New series of a
-- full tenant are left out here, and counted by metrics_rejects_view.
CREATE MATERIALIZED VIEW IF NOT EXISTS distributions_in_view TO distributions_in AS
WITH cityHash64(identity, arraySum(x -> cityHash64(x), attributes)) AS hash
SELECT tenant, received_at, service, metric, unit, type, temporality, monotonic, resource_id, scope_id, target,
    ${SeriesId(metric, hash)} AS series_id, attributes, time_ns, start_time_ns, flags,
    count, sum, min, max, bounds, counts, scale, zero_count, zero_threshold, positive_offset, positive_counts, negative_offset, negative_counts,
    quantiles, quantile_values, exemplars
FROM (SELECT * FROM metrics_in${local} WHERE type > 7)
ARRAY JOIN
    arrayConcat(histograms.attributes, exponential_histograms.attributes, summaries.attributes) AS attributes,
    arrayConcat(histograms.time_unix_nano, exponential_histograms.time_unix_nano, summaries.time_unix_nano) AS time_ns,
    arrayConcat(histograms.start_time_unix_nano, exponential_histograms.start_time_unix_nano, summaries.start_time_unix_nano) AS start_time_ns,
    arrayConcat(histograms.flags, exponential_histograms.flags, summaries.flags) AS flags,
    arrayConcat(histograms.count, exponential_histograms.count, summaries.count) AS count,
    arrayConcat(histograms.sum, exponential_histograms.sum, summaries.sum) AS sum,
    arrayResize(arrayConcat(histograms.min, exponential_histograms.min), points) AS min,
    arrayResize(arrayConcat(histograms.max, exponential_histograms.max), points) AS max,
    arrayResize(histograms.explicit_bounds, points) AS bounds, arrayResize(histograms.bucket_counts, points) AS counts,
    arrayResize(exponential_histograms.scale, points) AS scale, arrayResize(exponential_histograms.zero_count, points) AS zero_count,
    arrayResize(exponential_histograms.zero_threshold, points) AS zero_threshold,
    arrayResize(exponential_histograms.positive.offset, points) AS positive_offset,
    arrayResize(exponential_histograms.positive.bucket_counts, points) AS positive_counts,
    arrayResize(exponential_histograms.negative.offset, points) AS negative_offset,
    arrayResize(exponential_histograms.negative.bucket_counts, points) AS negative_counts,
    arrayResize(summaries.quantile_values.quantile, points) AS quantiles, arrayResize(summaries.quantile_values.value, points) AS quantile_values,
    arrayResize(arrayConcat(histograms.exemplars, exponential_histograms.exemplars), points) AS exemplars
WHERE NOT (cityHash64(tenant, today()) IN full_tenants AND cityHash64(series_id, today()) NOT IN known_series)
