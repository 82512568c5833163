-- Version 2.0: texts come once for a request, as `symbols`, and are referred to by number, from 0. They are looked up by a
-- join, because a function would get a copy of all symbols for each reference. The references of a series are those of its
-- labels, of its exemplars' labels, and of help and unit. Both sides of the join are the same block.
CREATE MATERIALIZED VIEW IF NOT EXISTS sent_symbolic_series_view TO sent_series AS
WITH
    arrayMap(x -> x.2, arraySort(groupArray((place, symbol)))) AS texts,
    length(any(labels_refs)) AS label_texts, arraySlice(texts, 1, label_texts) AS labels,
    arrayMap(refs -> length(refs), any(exemplar_refs)) AS sizes,
    arrayMap((size, end) -> arraySlice(texts, label_texts + end - size + 1, size), sizes, arrayCumSum(sizes)) AS exemplar_labels
SELECT any(tenant) AS tenant, any(s.batch_id) AS batch_id, request_index, any(bytes) AS bytes,
    arrayFilter((text, i) -> i % 2 = 1, labels, arrayEnumerate(labels)) AS names,
    arrayFilter((text, i) -> i % 2 = 0, labels, arrayEnumerate(labels)) AS values,
    any(s.samples) AS samples, any(s.histograms) AS histograms, any(s.created_ms) AS created_ms,
    arrayMap(one -> arrayFilter((text, i) -> i % 2 = 1, one, arrayEnumerate(one)), exemplar_labels) AS exemplar_names,
    arrayMap(one -> arrayFilter((text, i) -> i % 2 = 0, one, arrayEnumerate(one)), exemplar_labels) AS exemplar_values,
    any(s.exemplars) AS exemplars,
    label_texts % 2 = 1 OR arrayExists(size -> size % 2 = 1, sizes) OR max(ref >= symbol_count) AS bad_refs,
    any(s.metadata_type) AS metadata_type, texts[-2] AS help, texts[-1] AS unit
FROM
(
    SELECT *, ref, place FROM
    (
        SELECT tenant, batch_id, request_index, position, intDiv(request_bytes, series_count) + (position <= request_bytes % series_count) AS bytes,
            symbol_count, labels_refs, samples, histograms, exemplars.labels_refs AS exemplar_refs,
            arrayZip(exemplars.value, exemplars.timestamp) AS exemplars, metadata.type AS metadata_type, created_ms,
            arrayConcat(labels_refs, arrayFlatten(exemplar_refs), [metadata.help_ref, metadata.unit_ref]) AS refs
        FROM
        (
            SELECT tenant, batch_id, request_index, request_bytes, body.symbolic_series AS series, length(series) AS series_count,
                length(body.symbols) AS symbol_count
            FROM remote_write WHERE notEmpty(body.symbolic_series)
        )
        ARRAY JOIN
            arrayEnumerate(series) AS position, series.labels_refs AS labels_refs, series.samples AS samples,
            series.histograms AS histograms, series.exemplars AS exemplars, series.metadata AS metadata,
            series.created_timestamp AS created_ms
    )
    ARRAY JOIN refs AS ref, arrayEnumerate(refs) AS place
) AS s
LEFT JOIN
(
    SELECT request_index, symbol, toUInt32(number - 1) AS ref
    FROM remote_write ARRAY JOIN body.symbols AS symbol, arrayEnumerate(body.symbols) AS number
) AS t USING (request_index, ref)
GROUP BY request_index, position
