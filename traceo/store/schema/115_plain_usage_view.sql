-- What came by remote write, under no service: to find the job of each series would cost as much again as all else here.
-- How much each job sends can be asked of `samples` and `label_sets`.
CREATE MATERIALIZED VIEW IF NOT EXISTS plain_usage_view TO usage${local} AS
SELECT tenant, 'metrics' AS signal, count() AS items, sum(length(encoded)) AS bytes FROM plain_samples_in${local} GROUP BY tenant
