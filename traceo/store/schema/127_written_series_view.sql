CREATE MATERIALIZED VIEW IF NOT EXISTS written_series_view TO written_series AS
SELECT tenant, received_at, bytes, metric, series_id, mapFilter((name, value) -> name != '__name__', mapFromArrays(names, values)) AS labels,
    samples, histograms, created_ms, exemplar_names, exemplar_values, exemplars, metadata_type, help, unit
FROM judged_series WHERE problem = ''
