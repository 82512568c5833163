-- Flattens requests to metrics, in one step, because each ARRAY JOIN copies what it joins (`arrayFlatten` does not); what
-- belongs to a resource or a scope is repeated for each of its metrics; `target` is the labels that
-- come from a resource, and `has_info` that it has attributes beside those that name it.
-- Arrays of members are joined side by side: taking members out of a joined tuple of so large a type costs milliseconds of planning. A request's bytes are shared out evenly.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_in_view TO metrics_in AS
SELECT tenant, batch_id, request_index, received_at, service, resource_id, scope_id, target, has_info, metric, description, unit, metadata,
    multiIf(notEmpty(gauges), 5, notEmpty(sums), 7, notEmpty(histograms), 9, notEmpty(exponential_histograms), 10, 11) AS type,
    greatest(sum_temporality, histogram_temporality, exponential_temporality) AS temporality, sum_is_monotonic OR type > 7 AS monotonic,
    cityHash64(tenant, metric, unit, type, temporality, monotonic, resource_id, scope_id) AS identity,
    length(gauges) + length(sums) + length(histograms) + length(exponential_histograms) + length(summaries) AS points,
    intDiv(request_bytes, metric_count) + (position <= request_bytes % metric_count) AS bytes,
    if(type = 5, gauges, sums) AS numbers, histograms, exponential_histograms, summaries
FROM
(
    SELECT tenant, batch_id, request_index, toDateTime(intDiv(bitShiftRight(batch_id, 22), 1000)) AS received_at, request_bytes,
        body.resource_metrics.scope_metrics.metrics.name AS names,
        arrayFlatten(body.resource_metrics.scope_metrics.metrics) AS metrics, greatest(length(metrics), 1) AS metric_count,
        arrayFlatten(arrayMap((a, r) -> arrayMap(b -> arrayWithConstant(length(b), toLowCardinality(if(startsWith(r['service.name'], '\n'), substring(r['service.name'], multiIf(length(r['service.name']) < 130, 3, length(r['service.name']) < 16387, 4, length(r['service.name']) < 2097156, 5, 6)), 'unknown_service'))), a), names, body.resource_metrics.resource.attributes)) AS services,
        arrayFlatten(arrayMap((a, r, url) -> arrayMap(b -> arrayWithConstant(length(b), cityHash64(r, url)), a), names, body.resource_metrics.resource, body.resource_metrics.schema_url)) AS resource_ids,
        arrayMap(attributes -> mapApply((key, value) -> (toString(key), ${Text(value)}), attributes), body.resource_metrics.resource.attributes) AS texts,
        arrayMap(r -> toLowCardinality(toJSONString(mapUpdate(
            mapFilter((key, value) -> has((SELECT groupArray(name) FROM promoted_attributes), key), r),
            mapFilter((key, value) -> notEmpty(value), map('job', if(empty(r['service.namespace']), r['service.name'], concat(r['service.namespace'], '/', r['service.name'])), 'instance', r['service.instance.id']))))), texts) AS resource_targets,
        arrayMap(r -> (mapContains(r, 'service.name') OR mapContains(r, 'service.instance.id')) AND arrayExists(key -> key NOT IN ('service.name', 'service.namespace', 'service.instance.id'), mapKeys(r)), texts) AS resource_infos,
        arrayFlatten(arrayMap((a, i) -> arrayMap(b -> arrayWithConstant(length(b), i), a), names, resource_infos)) AS infos,
        arrayFlatten(arrayMap((a, t) -> arrayMap(b -> arrayWithConstant(length(b), t), a), names, resource_targets)) AS targets,
        arrayFlatten(arrayMap((a, s, urls) -> arrayMap((b, scope, url) -> arrayWithConstant(length(b), cityHash64(scope, url)), a, s, urls),
            names, body.resource_metrics.scope_metrics.scope, body.resource_metrics.scope_metrics.schema_url)) AS scope_ids
    FROM otlp_metrics
)
ARRAY JOIN
    arrayEnumerate(metrics) AS position, services AS service, targets AS target, infos AS has_info, resource_ids AS resource_id, scope_ids AS scope_id,
    metrics.name AS metric, metrics.description AS description, metrics.unit AS unit, metrics.metadata AS metadata,
    metrics.gauge.data_points AS gauges, metrics.sum.data_points AS sums, metrics.histogram.data_points AS histograms,
    metrics.exponential_histogram.data_points AS exponential_histograms, metrics.summary.data_points AS summaries,
    metrics.sum.is_monotonic AS sum_is_monotonic, metrics.sum.aggregation_temporality AS sum_temporality,
    metrics.histogram.aggregation_temporality AS histogram_temporality,
    metrics.exponential_histogram.aggregation_temporality AS exponential_temporality
