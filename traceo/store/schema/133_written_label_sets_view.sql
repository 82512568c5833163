-- Only series that were not yet written today. Exemplars have the id of a series of samples, also where there are none.
CREATE MATERIALIZED VIEW IF NOT EXISTS written_label_sets_view TO label_sets${local} AS
SELECT tenant, metric, series_id, series_id AS source_id, labels
FROM written_series${local}
WHERE (notEmpty(samples) OR notEmpty(exemplars) OR empty(histograms)) AND cityHash64(series_id, today()) NOT IN seen LIMIT 1 BY series_id
