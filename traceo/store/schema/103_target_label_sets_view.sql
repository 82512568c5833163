-- `target_info`: what is known of a resource beside the attributes that name it, under the labels of its series.
CREATE MATERIALIZED VIEW IF NOT EXISTS target_label_sets_view TO label_sets AS
WITH
    mapApply((key, value) -> (toString(key), ${Text(value)}), attributes) AS texts,
    mapFilter((key, value) -> key NOT IN ('service.name', 'service.namespace', 'service.instance.id'), texts) AS others,
    mapApply((key, value) -> (${Label(key)}, value), others) AS own
SELECT tenant, 'target_info' AS metric, ${TargetId(resource_id)} AS series_id, series_id AS source_id,
    mapFilter((label, value) -> notEmpty(value), mapUpdate(own, map(
        'job', if(empty(texts['service.namespace']), texts['service.name'], concat(texts['service.namespace'], '/', texts['service.name'])), 'instance', texts['service.instance.id']))) AS labels
FROM
(
    SELECT tenant, resource_id, resource.attributes AS attributes FROM metric_scopes_in
    WHERE cityHash64(${TargetId(resource_id)}, today()) NOT IN seen AND cityHash64(tenant, today()) NOT IN full_tenants LIMIT 1 BY resource_id
)
WHERE notEmpty(others) AND (has(attributes, 'service.name') OR has(attributes, 'service.instance.id'))
