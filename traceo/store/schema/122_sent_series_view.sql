-- Version 1.0. A request's bytes are shared out evenly.
CREATE MATERIALIZED VIEW IF NOT EXISTS sent_series_view TO sent_series AS
SELECT tenant, batch_id, request_index, intDiv(request_bytes, series_count) + (position <= request_bytes % series_count) AS bytes,
    labels.name AS names, labels.value AS values, samples, histograms,
    sent.labels.name AS exemplar_names, sent.labels.value AS exemplar_values, arrayZip(sent.value, sent.timestamp) AS exemplars
FROM
(
    SELECT tenant, batch_id, request_index, request_bytes, body.timeseries AS series, length(series) AS series_count
    FROM remote_write WHERE notEmpty(body.timeseries)
)
ARRAY JOIN
    arrayEnumerate(series) AS position, series.labels AS labels, series.samples AS samples, series.histograms AS histograms,
    series.exemplars AS sent
