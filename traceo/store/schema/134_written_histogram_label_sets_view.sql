CREATE MATERIALIZED VIEW IF NOT EXISTS written_histogram_label_sets_view TO label_sets${local} AS
SELECT tenant, metric, id AS series_id, id AS source_id, 'native_histogram' AS kind, labels
FROM (SELECT *, ${NativeId(series_id)} AS id FROM written_series${local} WHERE notEmpty(histograms))
WHERE cityHash64(id, today()) NOT IN seen LIMIT 1 BY id
