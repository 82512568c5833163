-- Streams that came as JSON: metadata is there for every line, or for none.
CREATE MATERIALIZED VIEW IF NOT EXISTS loki_columns_view TO loki_sent AS
SELECT tenant, batch_id, recent, toUInt64(request_bytes * length(lines) / greatest(total, 1)) AS bytes, labels, times, lines,
    if(empty(texts), arrayWithConstant(length(lines), CAST(map(), 'Map(LowCardinality(String), String)')),
        arrayMap(text -> CAST(JSONExtract(text, 'Map(String, String)'), 'Map(LowCardinality(String), String)'), texts)) AS metadata
FROM
(
    SELECT tenant, batch_id, recent, request_bytes, body.columns AS sent, arraySum(lines -> length(lines), sent.lines) AS total
    FROM loki WHERE notEmpty(body.columns)
)
ARRAY JOIN sent.labels AS labels, sent.times AS times, sent.lines AS lines, sent.metadata AS texts
